import { pino } from 'pino'

// A line is written before the program goes on, so that lines keep their order and none is lost when it ends.
const stdout = () => pino.destination({ dest: 1, sync: true })

// One JSON object a line, with the level as a word and the time as a date. What pino adds by itself, the process id
// and the host name, says little in a container and is left out.
export function createLogger(level, destination = stdout()) {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
}
