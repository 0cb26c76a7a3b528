import express from 'express'

const queryTimeout = 10_000
const healthTimeout = 2_000

// nginx's number for a client that hung up before it was answered.
const statusClientLeft = 499

export function createApp({ database, log }) {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag') // each answer is new
  app.enable('strict routing') // no /ping/ besides /ping

  app.use(logRequests(log))

  // Gets the time of the database, or an error that may be shown to clients.
  async function ask(limit) {
    try {
      return { now: await database.now(limit) }
    } catch (error) {
      log.error({ error: error.message }, 'the database does not answer')
      return { error: `the database does not answer: ${error.message}` }
    }
  }

  app.get('/', async (req, res) => {
    const { now, error } = await ask(queryTimeout)
    if (error) {
      res.status(503).json({ error })
    } else {
      res.json({ api: 'node', now })
    }
  })

  // Tells that the program runs. It doesn't need the database.
  app.get('/ping', (req, res) => {
    res.type('text').send('pong')
  })

  // Tells whether the program can do its work, so it asks the database.
  app.get('/healthz', async (req, res) => {
    const { error } = await ask(healthTimeout)
    if (error) {
      res.status(503).json({ status: 'unavailable', error })
    } else {
      res.json({ status: 'ok' })
    }
  })

  app.use((req, res) => {
    res.status(404).json({ error: 'not found' })
  })

  // Express knows an error handler by its four parameters.
  // eslint-disable-next-line no-unused-vars
  app.use((error, req, res, next) => {
    log.error({ error: error.message, stack: error.stack }, 'request failed')
    res.status(error.status ?? 500).json({ error: error.status ? error.message : 'internal error' })
  })

  return app
}

function logRequests(log) {
  return (req, res, next) => {
    const start = performance.now()
    const { method, path } = req
    log.debug({ method, path }, 'request received')
    res.once('close', () => {
      log.info(
        {
          method,
          path,
          status: res.writableFinished ? res.statusCode : statusClientLeft,
          duration_ms: Math.round((performance.now() - start) * 1000) / 1000,
        },
        'request',
      )
    })
    next()
  }
}
