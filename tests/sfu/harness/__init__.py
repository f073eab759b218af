"""The real side of the tests: a livekit-server, its RoomService, and the official SDK as subscriber and publisher."""
