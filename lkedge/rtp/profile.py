# lkedge: pure
"""The numbers of our sessions: payload types and header extension ids, one table for all sections.

The server negotiates codecs on the first section of a kind only, and keeps one id per
extension for the whole connection, so these never vary (livekit-wire.md, sections 4.1, 4.2).
"""

from __future__ import annotations

from lkedge.terms import Codec

PAYLOAD_TYPE = {Codec.OPUS: 111, Codec.VP8: 96, Codec.H264: 102}
RTX_PAYLOAD_TYPE = {Codec.VP8: 97, Codec.H264: 103}
RED_PAYLOAD_TYPE = 63

H264_FMTP = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
OPUS_FMTP = "minptime=10;useinbandfec=1"

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

EXTENSION_ID = {
    MID: 1,
    AUDIO_LEVEL: 2,
    TRANSPORT_CC: 4,
    RTP_STREAM_ID: 10,
    REPAIRED_RTP_STREAM_ID: 11,
}

MAX_PAYLOAD_BYTES = 1180
"""RTP payload bytes per packet: header, extensions, SRTP tag and UDP/IP stay below 1280."""
