"""Peers: the same work in other engines and libraries, written as their experts would."""
