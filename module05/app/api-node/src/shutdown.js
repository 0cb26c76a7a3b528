import { setTimeout as sleep } from 'node:timers/promises'

// Below the 10 seconds after which docker stop kills.
const stopLimit = 8_000

// Makes the function that a signal calls: it accepts no more connections, lets the requests in flight finish, and
// then closes the database.
export function createShutdown({ server, database, log, limit = stopLimit }) {
  return async function shutdown(signal) {
    log.info({ signal }, 'stopping')

    // close() ends the connections that are idle now. A connection that becomes idle later, because its request
    // was answered, would stay open for the client's next request.
    const closed = new Promise((resolve) => server.close(resolve))
    const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
    const finished = await Promise.race([closed.then(() => true), sleep(limit, false, { ref: false })])
    clearInterval(closeIdle)
    if (!finished) {
      throw new Error(`stopped without finishing all requests: some still ran after ${limit / 1000}s`)
    }

    // A database that hangs may not answer the goodbye. When the program ends, the kernel closes what is left.
    await Promise.race([database.close(), sleep(250, undefined, { ref: false })])
    log.info('stopped')
  }
}
