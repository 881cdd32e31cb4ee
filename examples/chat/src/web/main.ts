import { nameCharsMax } from "../protocol.js";
import { Announcer } from "./announcer.js";
import { Composer } from "./composer.js";
import { Connection, type Reconnect } from "./connection.js";
import { durationText, find } from "./dom.js";
import { recallName, recallRooms, rememberName, rememberRooms } from "./memory.js";
import { MessagesView } from "./messages-view.js";
import { shortNodeName } from "./node-badge.js";
import { Panel } from "./panel.js";
import { PeopleView } from "./people-view.js";
import { type Entry, Room } from "./room.js";
import { RoomsView, toRoomName } from "./rooms-view.js";
import { Session } from "./session.js";
import { StatusView } from "./status-view.js";
import { TypingTeller } from "./typing.js";

const firstRoom = "lobby";

const nameInput = find("name-input", HTMLInputElement);
const nameSave = find("name-save", HTMLButtonElement);

let chosenName = recallName();
/** What the server calls us as long as we have not chosen. Kept, so that a reconnect does not change it. */
let guestName: string | undefined;

const rooms = new Map<string, Room>();
const session = new Session(
  () => chosenName ?? guestName,
  (token) => connection.showToken(token),
);
const connection = new Connection("/socket", () => session.token, connectionChanged);
connection.socket.onError(() => session.connectionFailed());
const panel = new Panel();
const messages = new MessagesView((entry) => current.retry(entry));
const status = new StatusView(() => current.killNode());
const roomsView = new RoomsView({ open, leave });
const peopleView = new PeopleView();
const announcer = new Announcer();
const typing = new TypingTeller((isTyping) => current.type(isTyping));
const composer = new Composer(
  (body) => current.send(body),
  (isEmpty) => typing.wrote(isEmpty),
);

function enter(name: string): Room {
  const room = new Room(name, connection, () => chosenName ?? guestName, {
    entered(_room, welcome) {
      if (chosenName === undefined) guestName = welcome.name;
      showName();
      connection.entered(welcome);
    },
    added(room, entry) {
      if (room === current) messages.added(entry);
      if (isNews(entry) && (room !== current || document.hidden)) {
        room.unread += 1;
        roomsView.show([...rooms.values()], current);
      }
    },
    changed(room, entry) {
      if (room === current) messages.changed(entry);
    },
    dropped(room, entry) {
      if (room === current) messages.dropped(entry);
    },
    people(room) {
      roomsView.showPeople(room);
      if (room === current) showPeople();
    },
  });
  rooms.set(name, room);
  rememberRooms([...rooms.keys()]);
  return room;
}

function showPeople(): void {
  const people = current.people.list();
  peopleView.show(people, current.myName);
  announcer.show(
    current.name,
    people.map(({ name }) => name),
  );
}

function open(name: string): void {
  typing.stop();
  current = rooms.get(name) ?? enter(name);
  current.unread = 0;
  const hash = `#${encodeURIComponent(name)}`;
  if (location.hash === "") history.replaceState(null, "", hash);
  else if (location.hash !== hash) history.pushState(null, "", hash);
  messages.show(current);
  showPeople();
  roomsView.show([...rooms.values()], current);
  panel.close();
  composer.focus();
}

function leave(name: string): void {
  const room = rooms.get(name);
  if (room === undefined) return;
  room.leave();
  rooms.delete(name);
  rememberRooms([...rooms.keys()]);
  if (room === current) open(firstRoom);
  else roomsView.show([...rooms.values()], current);
}

function connectionChanged(reconnect?: Reconnect): void {
  status.show(connection);
  if (reconnect === undefined) return;
  const { from, to, tookMs, hidden } = reconnect;
  const took = hidden ? "" : ` after ${durationText(tookMs)}`;
  const way = `Lost ${shortNodeName(from)}, back on ${shortNodeName(to)}${took}.`;
  const text = `${way} Messages in between may be missing here.`;
  for (const room of rooms.values()) room.note(text);
}

function isNews(entry: Entry): boolean {
  return entry.kind === "message" && !entry.own;
}

function showName(): void {
  nameInput.placeholder = guestName ?? "";
  if (document.activeElement !== nameInput) nameInput.value = chosenName ?? "";
}

function saveName(): void {
  const name = Array.from(nameInput.value.trim()).slice(0, nameCharsMax).join("").trim();
  nameSave.hidden = true;
  if (name === "" || name === chosenName) return showName();
  chosenName = name;
  rememberName(name);
  void session.renew();
  for (const room of rooms.values()) room.rename(name);
}

nameInput.addEventListener("input", () => {
  nameSave.hidden = nameInput.value.trim() === (chosenName ?? "");
});
nameInput.addEventListener("change", saveName);
find("name-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  saveName();
  nameInput.blur();
});

function roomOfAddress(): string {
  try {
    return toRoomName(decodeURIComponent(location.hash)) || firstRoom;
  } catch {
    return firstRoom; // The address holds a broken escape.
  }
}

addEventListener("popstate", () => open(roomOfAddress()));
document.addEventListener("visibilitychange", () => {
  if (document.hidden || current.unread === 0) return;
  current.unread = 0;
  roomsView.show([...rooms.values()], current);
});

let current = enter(firstRoom);
for (const name of recallRooms()) if (!rooms.has(name)) enter(name);
showName();
status.show(connection);
open(roomOfAddress());
// Without a token the page is a guest like any other client, so nobody waits for long.
void session.renew().then(() => connection.socket.connect());
