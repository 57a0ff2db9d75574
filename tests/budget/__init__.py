"""What does the OMS use of an exchange's allowance, and what does it still notice?"""
