"""What the script in `scripts` is made of. Needs the package patchbay_client; install.py installs it."""
