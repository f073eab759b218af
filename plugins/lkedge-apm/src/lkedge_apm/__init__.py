"""Sound processing for lkedge, by the audio processing module of WebRTC."""
