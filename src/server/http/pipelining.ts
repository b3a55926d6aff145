import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests that may wait on one connection; no client of ours sends any ahead. */
const MOST_AHEAD = 100
const ahead = new WeakMap<Socket, number>()

/**
 * Runs `handle` once the replies before this one on its connection are sent, so that requests sent ahead (RFC 9112 §9.3.2) hold nothing open while
 * nobody reads. A connection with too many of them is cut.
 */
export function inTurn({ socket }: IncomingMessage, response: ServerResponse, handle: () => void): void {
  // Node hands the connection from reply to reply.
  if (response.socket) handle()
  else if (waitingOn(socket) === MOST_AHEAD) socket.destroy()
  else {
    ahead.set(socket, waitingOn(socket) + 1)
    response.once('socket', () => {
      ahead.set(socket, waitingOn(socket) - 1)
      handle()
    })
  }
}

const waitingOn = (socket: Socket) => ahead.get(socket) ?? 0
