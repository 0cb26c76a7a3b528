import { useState } from 'react'

import ApiCard from './ApiCard.jsx'
import { interval } from './useApi.js'

export default function App() {
  // Each click starts a new round, in which both cards ask at once.
  const [round, setRound] = useState(0)

  return (
    <>
      <header>
        <div>
          <h1>One database, two APIs</h1>
          <p>Each API asks the database for its time. This page asks them every {interval / 1000} seconds.</p>
        </div>
        <button type="button" onClick={() => setRound(round + 1)}>
          Ask now
        </button>
      </header>
      <main>
        <ApiCard id="api-golang" madeWith="Go, net/http, pgx" path="/api/golang/" round={round} />
        <ApiCard id="api-node" madeWith="Node.js, Express, node-postgres" path="/api/node/" round={round} />
      </main>
    </>
  )
}
