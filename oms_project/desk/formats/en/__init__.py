"""As ``formats.everywhere`` says."""
