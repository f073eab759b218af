// The viewer: joins the room that /session names, shows one video track and plays all sound.
"use strict";

const { Room, RoomEvent, ConnectionState, Track, VideoQuality } = globalThis.LivekitClient ?? {};

const RIDS = ["q", "h", "f"]; // the rid of VideoQuality LOW, MEDIUM, HIGH
const QUALITY_NAMES = ["low", "medium", "high"];
const STATS_INTERVAL_MS = 500;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const CHART_SECONDS = 60;
const STALLED_MS = 3000;

const byId = (id) => document.getElementById(id);
const text = (id, value) => { byId(id).textContent = value; };

const page = {
  room: null,
  publication: null, // the RemoteTrackPublication that is shown
  quality: "HIGH",
  hidden: false,
  soundOn: false,
  retries: 0,
  last: {}, // the previous statistics: {video, audio} as {bytes, at}
  frames: { count: 0, at: 0 }, // when the number of decoded frames last rose
  history: [],
};

// ---- connection

async function connect() {
  setState("connecting", "connecting");
  try {
    const session = await fetchSession();
    text("room", session.room);
    page.room = makeRoom();
    await page.room.connect(session.url, session.token, { autoSubscribe: true });
    page.retries = 0;
    setState("connected", "connected");
  } catch (error) {
    page.room?.removeAllListeners();
    retry(error);
    return;
  }
  choosePublication();
}

async function fetchSession() {
  const answer = await fetch("session", { cache: "no-store" });
  if (!answer.ok) throw new Error(`no session: ${answer.status}`);
  return answer.json();
}

function makeRoom() {
  // adaptiveStream would choose the quality by the size of the element, which is the user's choice here
  const room = new Room({ adaptiveStream: false, dynacast: false });
  const update = () => choosePublication();
  for (const event of [RoomEvent.TrackPublished, RoomEvent.TrackUnpublished, RoomEvent.TrackMuted,
    RoomEvent.TrackUnmuted, RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected]) {
    room.on(event, update);
  }
  room.on(RoomEvent.TrackSubscribed, (track) => { attach(track); update(); });
  room.on(RoomEvent.TrackUnsubscribed, (track) => { detach(track); update(); });
  room.on(RoomEvent.AudioPlaybackStatusChanged, showSound);
  room.on(RoomEvent.Reconnecting, () => setState("connecting", "reconnecting"));
  room.on(RoomEvent.Reconnected, () => setState("connected", "connected"));
  room.on(RoomEvent.Disconnected, () => { if (room === page.room) retry(new Error("disconnected")); });
  return room;
}

function retry(error) {
  console.info("not connected:", error.message);
  page.room = null;
  page.publication = null;
  const wait = RETRY_MS[Math.min(page.retries++, RETRY_MS.length - 1)];
  setState("failed", "trying again");
  showPublications([]);
  setTimeout(connect, wait);
}

// ---- tracks

function videoPublications() {
  if (!page.room) return [];
  return [...page.room.remoteParticipants.values()]
    .flatMap((participant) => [...participant.trackPublications.values()])
    .filter((publication) => publication.kind === Track.Kind.Video);
}

function choosePublication() {
  const publications = videoPublications();
  const known = publications.find((one) => one.trackSid === page.publication?.trackSid);
  const sameName = publications.find((one) => one.trackName === page.publication?.trackName);
  show(known ?? sameName ?? publications[0] ?? null);
  showPublications(publications);
  showCover();
}

function show(publication) {
  if (publication === page.publication) return;
  page.publication?.videoTrack?.detach(byId("video"));
  page.publication = publication;
  page.last = {};
  page.frames = { count: 0, at: performance.now() };
  applySubscription();
  publication?.videoTrack?.attach(byId("video"));
}

// The shown track has the chosen quality; all other video is off, so that Dynacast stops it too.
function applySubscription() {
  for (const one of videoPublications()) {
    const wanted = one === page.publication && !page.hidden;
    one.setEnabled(wanted);
    if (wanted) one.setVideoQuality(VideoQuality[page.quality]);
  }
}

function attach(track) {
  if (track.kind === Track.Kind.Audio) {
    const element = track.attach();
    element.muted = !page.soundOn;
    document.body.append(element);
  } else if (track.sid === page.publication?.trackSid) {
    track.attach(byId("video"));
    applySubscription();
  }
}

function detach(track) {
  for (const element of track.detach()) {
    if (track.kind === Track.Kind.Audio) element.remove();
  }
}

function showPublications(publications) {
  byId("track-group").hidden = publications.length < 2;
  const options = publications.map((one) => new Option(one.trackName, one.trackSid, false, one === page.publication));
  byId("track").replaceChildren(...options);
  showLayers(null);
}

// ---- what the page says

function setState(state, words) {
  document.body.dataset.state = state;
  text("state", words);
  showCover();
}

function coverWords() {
  const state = document.body.dataset.state;
  if (state === "failed") return ["No connection", "The room's server does not answer. This page keeps trying."];
  if (state !== "connected") return ["Connecting …", ""];
  if (page.room.remoteParticipants.size === 0) return ["Nobody is here", "The room is empty. The picture comes as soon as something is published."];
  if (!page.publication) return ["No video yet", "Somebody is in the room, but publishes no video."];
  if (page.hidden) return ["Video is hidden", "Nobody watches now: Dynacast stops the layers, their encoders and, after 2 s, the camera."];
  if (page.publication.isMuted) return ["Video is muted", "The publisher has muted this track."];
  if (!page.frames.count) return ["Waiting for the first picture …", ""];
  if (performance.now() - page.frames.at > STALLED_MS) return ["The publisher is silent", "No picture has come for a while. It goes on here by itself."];
  return null;
}

function showCover() {
  const words = coverWords();
  document.body.dataset.picture = words ? "covered" : "shown";
  text("cover-title", words?.[0] ?? "");
  text("cover-text", words?.[1] ?? "");
}

function showLayers(size) {
  const layers = [...(page.publication?.trackInfo?.layers ?? [])].sort((a, b) => b.width - a.width);
  if (!layers.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = page.publication ? "a single layer" : "nothing is published";
    byId("layers").replaceChildren(none);
    return null;
  }
  const current = size && layers.find((layer) => layer.width === size.width && layer.height === size.height);
  byId("layers").replaceChildren(...layers.map((layer) => layerRow(layer, layer === current)));
  return current;
}

function layerRow(layer, isCurrent) {
  const row = document.createElement("li");
  const parts = [["b", RIDS[layer.quality] ?? "–"], ["span", `${layer.width} × ${layer.height}`],
    ["em", isCurrent ? "received" : QUALITY_NAMES[layer.quality] ?? ""]];
  for (const [tag, words] of parts) {
    const part = document.createElement(tag);
    part.textContent = words;
    row.append(part);
  }
  row.setAttribute("aria-current", String(Boolean(isCurrent)));
  return row;
}

function showSound() {
  const tracks = document.querySelectorAll("audio").length;
  byId("unmute").hidden = page.soundOn || !tracks;
  text("mute", page.soundOn ? "Mute" : "Unmute");
}

// ---- statistics

async function refresh() {
  showSound();
  showCover();
  const video = await inboundStats(page.publication?.videoTrack);
  const audio = await inboundStats(firstAudioTrack());
  noteFrames(video?.inbound.framesDecoded ?? 0);
  const videoRate = bitrate("video", video?.inbound);
  const live = Boolean(video) && !page.hidden && document.body.dataset.picture === "shown";
  const size = live ? { width: video.inbound.frameWidth, height: video.inbound.frameHeight } : null;
  const layer = showLayers(size);
  text("size", size?.width ? `${size.width} × ${size.height}` : "–");
  text("layer", layer ? `${RIDS[layer.quality]} · ${QUALITY_NAMES[layer.quality]}` : "–");
  text("fps", live ? `${Math.round(video.inbound.framesPerSecond ?? 0)} fps` : "–");
  text("codec", live ? codecName(video.codec) : "–");
  text("bitrate", rateWords(videoRate));
  text("audio-bitrate", rateWords(bitrate("audio", audio?.inbound)));
  page.history.push(videoRate ?? 0);
  page.history.splice(0, Math.max(0, page.history.length - CHART_SECONDS * 1000 / STATS_INTERVAL_MS));
  drawChart();
}

async function inboundStats(track) {
  const report = await track?.getRTCStatsReport();
  if (!report) return null;
  const all = [...report.values()];
  const inbound = all.find((one) => one.type === "inbound-rtp");
  return inbound ? { inbound, codec: report.get(inbound.codecId) } : null;
}

function firstAudioTrack() {
  const participants = [...(page.room?.remoteParticipants.values() ?? [])];
  return participants.flatMap((one) => [...one.audioTrackPublications.values()]).find((one) => one.track)?.track;
}

function noteFrames(count) {
  if (count === page.frames.count) return;
  page.frames = { count, at: performance.now() };
}

// bits per second since the last look; null when not known
function bitrate(kind, inbound) {
  const before = page.last[kind];
  page.last[kind] = inbound && { bytes: inbound.bytesReceived, at: inbound.timestamp };
  if (!before || !inbound || inbound.timestamp <= before.at) return null;
  return Math.max(0, (inbound.bytesReceived - before.bytes) * 8000 / (inbound.timestamp - before.at));
}

function codecName(codec) {
  const name = codec?.mimeType?.split("/")[1];
  return name ? (name === "H264" ? "H.264" : name) : "–";
}

function rateWords(bits) {
  if (bits === null) return "–";
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(2)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

function drawChart() {
  const canvas = byId("chart");
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const points = CHART_SECONDS * 1000 / STATS_INTERVAL_MS;
  const top = Math.max(200_000, ...page.history) * 1.1;
  const x = (index) => width - (page.history.length - 1 - index) * width / (points - 1);
  const y = (bits) => height - 2 - bits / top * (height - 6);
  context.clearRect(0, 0, width, height);
  context.beginPath();
  page.history.forEach((bits, index) => context.lineTo(x(index), y(bits)));
  context.strokeStyle = "#4cc9a4";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.stroke();
  context.lineTo(width, height);
  context.lineTo(x(0), height);
  context.fillStyle = "rgb(76 201 164 / .14)";
  context.fill();
}

// ---- controls

function setQuality(quality) {
  page.quality = quality;
  for (const button of document.querySelectorAll("[data-quality]")) {
    button.setAttribute("aria-pressed", String(button.dataset.quality === quality));
  }
  applySubscription();
}

function setHidden(hidden) {
  page.hidden = hidden;
  page.frames = { count: page.frames.count, at: performance.now() };
  byId("hide").setAttribute("aria-pressed", String(hidden));
  text("hide", hidden ? "Show video" : "Hide video");
  applySubscription();
  showCover();
}

async function setSound(on) {
  page.soundOn = on;
  for (const element of document.querySelectorAll("audio")) element.muted = !on;
  showSound();
  if (on) await page.room?.startAudio();
}

byId("quality").addEventListener("click", (event) => {
  const { quality } = event.target.dataset;
  if (quality) setQuality(quality);
});
byId("hide").addEventListener("click", () => setHidden(!page.hidden));
byId("mute").addEventListener("click", () => setSound(!page.soundOn));
byId("unmute").addEventListener("click", () => setSound(true));
byId("track").addEventListener("change", (event) => {
  show(videoPublications().find((one) => one.trackSid === event.target.value) ?? null);
});
addEventListener("pagehide", () => page.room?.disconnect());

if (globalThis.LivekitClient) {
  connect();
  setInterval(() => refresh().catch((error) => console.warn("no statistics", error)), STATS_INTERVAL_MS);
} else {
  setState("failed", "livekit-client is missing");
  text("cover-title", "livekit-client is missing");
  text("cover-text", "Run tools/setup-viewer.sh (or make demo), then reload.");
}
