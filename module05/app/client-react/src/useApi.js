import { useEffect, useState } from 'react'

// Milliseconds from one answer to the next question.
export const interval = 5_000

// Asks an API now, again some time after each answer, and at once in a new round. It returns the newest answer:
// { state: 'waiting' }, { state: 'ok', api, now, duration } or { state: 'error', error }.
export function useApi(path, round) {
  const [answer, setAnswer] = useState({ state: 'waiting' })

  useEffect(() => {
    const controller = new AbortController()
    let timer

    async function ask() {
      const newest = await askApi(path, controller.signal)
      if (controller.signal.aborted) return
      setAnswer(newest)
      // Not setInterval: an API that answers slowly would be asked again before it has answered.
      timer = setTimeout(ask, interval)
    }
    ask()

    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [path, round])

  return answer
}

async function askApi(path, signal) {
  const start = performance.now()
  try {
    const response = await fetch(path, { signal, cache: 'no-store' })
    const body = await readJSON(response)
    if (!response.ok) {
      return { state: 'error', error: body?.error ?? `The answer has status ${response.status}` }
    }
    if (Number.isNaN(Date.parse(body?.now))) {
      return { state: 'error', error: 'The answer is not that of an API' }
    }
    return { state: 'ok', api: body.api, now: body.now, duration: Math.round(performance.now() - start) }
  } catch {
    return { state: 'error', error: 'The server of this page cannot be reached' }
  }
}

// What is not JSON counts as no content. Something on the way may have answered with a page of its own.
async function readJSON(response) {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
