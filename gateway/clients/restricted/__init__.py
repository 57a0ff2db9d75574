"""What may a key that is restricted to strategies learn of the account, beside its own orders?"""
