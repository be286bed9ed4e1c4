"""`python -m qrnn_hw` is the command `qrnn-hw`."""

from qrnn_hw.cli import main

if __name__ == "__main__":
    main()
