"""RTP and RTCP bytes, pure: packets, payload formats, history, feedback."""
