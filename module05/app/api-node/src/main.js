import { createServer } from 'node:http'
import process from 'node:process'

import { createApp } from './app.js'
import { ConfigError, loadConfig } from './config.js'
import { createDatabase } from './database.js'
import { createLogger } from './logger.js'
import { createShutdown } from './shutdown.js'

// Stop for a reason that a person can mend: one line, and no stack trace.
function fail(message) {
  process.stderr.write(`api-node: ${message}\n`, () => process.exit(1))
}

function start(config) {
  const log = createLogger(config.logLevel)
  const database = createDatabase(config.databaseURL, log)

  const server = createServer(createApp({ database, log }))
  server.headersTimeout = 5_000
  server.keepAliveTimeout = 60_000

  // Before listening, so that no moment is left in which a signal finds no handler. The first process of a
  // container needs one: the kernel does not apply a signal's default action to it.
  const shutdown = createShutdown({ server, database, log })
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, async () => {
      try {
        await shutdown(signal)
        process.exit(0)
      } catch (error) {
        fail(error.message)
      }
    })
  }

  server.once('error', (error) => {
    fail(
      `cannot listen on port ${config.port}: ${error.message}; set PORT to another one, or stop the program that uses it`,
    )
  })
  server.listen(config.port, () => log.info({ port: config.port }, 'listening'))
}

try {
  start(loadConfig(process.env))
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  fail(error.message)
}
