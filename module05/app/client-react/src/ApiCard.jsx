import { useApi } from './useApi.js'

const words = { waiting: 'Waiting', ok: 'Answers', error: 'Fails' }

export default function ApiCard({ id, madeWith, path, round }) {
  const answer = useApi(path, round)

  // Only what changes rarely is announced to screen readers: the state and the error. To announce the time, too,
  // would be to interrupt every few seconds.
  return (
    <article id={id} data-testid={id} className={`card ${answer.state}`} aria-labelledby={`${id}-name`}>
      <div className="title">
        <h2 id={`${id}-name`}>{id}</h2>
        <span className="state" role="status" aria-live="polite">
          {words[answer.state]}
        </span>
      </div>
      <p className="made-with">{madeWith}</p>

      {answer.state === 'ok' && <DatabaseTime now={answer.now} />}
      {answer.state === 'error' && (
        <p className="message" role="alert">
          {answer.error}
        </p>
      )}

      <p className="note">
        {answer.state === 'waiting' && <>Asked {path}</>}
        {answer.state === 'ok' && (
          <>
            <strong>{answer.api}</strong> answered at {path} in {answer.duration} ms
          </>
        )}
        {answer.state === 'error' && <>Asked {path}, and will ask again</>}
      </p>
    </article>
  )
}

// The time in UTC, as the database's users may be anywhere.
function DatabaseTime({ now }) {
  const [date, time] = new Date(now).toISOString().split(/[T.]/)
  return (
    <p className="database-time">
      <span>Database time</span>
      <time dateTime={now}>
        <b>{time}</b> {date} UTC
      </time>
    </p>
  )
}
