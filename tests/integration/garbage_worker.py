"""A worker program that has gone mad."""

import socket
import sys
import time

if __name__ == "__main__":
    link = socket.socket(fileno=int(sys.argv[1]))
    link.sendall(b"\xff" * 1000)
    time.sleep(30)
