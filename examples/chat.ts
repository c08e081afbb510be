/**
 * A chat with rooms. A client says which room it is in by the path of its URL, and who it is by `?name=`.
 *
 *     node --import tsx examples/chat.ts            # then, in other terminals:
 *     npx hawser connect 'ws://localhost:8080/harbour?name=Ada'
 */

import { serve } from "hawser";

const server = await serve<{ room: string; name: string }>({
  port: Number(process.env.PORT ?? 8080),
  authorize(request) {
    const { pathname, searchParams } = new URL(request.url ?? "", "ws://chat");
    const name = searchParams.get("name");
    return name === null ? { status: 400, body: "who are you? ?name=" } : { data: { room: pathname, name } };
  },
  open(connection) {
    const { room, name } = connection.data;
    connection.subscribe(room);
    connection.publish(room, `${name} came`);
    connection.send(`${server.subscriberCount(room)} here`);
  },
  message(connection, message) {
    const { room, name } = connection.data;
    server.publish(room, `${name}: ${message}`);
  },
  close({ data: { room, name } }) {
    server.publish(room, `${name} left`);
  },
});
console.log(server.url);
