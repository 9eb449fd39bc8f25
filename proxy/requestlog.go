package proxy

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// requestLog writes the line of each request.
type requestLog struct {
	handler slog.Handler
	queue   *LogQueue // nil where handler writes to something else
	json    bool      // lines are those of a JSONHandler that writes to queue
}

func newRequestLog(log *slog.Logger) requestLog {
	queued, ok := log.Handler().(*queuedHandler)
	if !ok {
		return requestLog{handler: log.Handler()}
	}
	return requestLog{queued.Handler, queued.queue, queued.json}
}

// write logs a request that ended at a time.
func (l *requestLog) write(k kind, at time.Time, level slog.Level, attrs []slog.Attr) {
	if !l.handler.Enabled(context.Background(), level) {
		return
	}
	if l.json {
		var room [1 << 10]byte
		if line, ok := appendLine(room[:0], at, level, attrs); ok {
			l.queue.put(k, line)
			return
		}
	}
	if l.queue != nil && !l.queue.admit(k) {
		return
	}
	r := slog.NewRecord(at, level, requestMessage, 0)
	r.AddAttrs(attrs...)
	_ = l.handler.Handle(context.Background(), r) // a LogQueue counts what is not written
}

const requestMessage = "request"

// appendLine appends the line that slog.JSONHandler would make, which takes it
// several times as long. It returns false for what it leaves to that: anything to
// be escaped, rare numbers and other kinds of values.
func appendLine(line []byte, at time.Time, level slog.Level, attrs []slog.Attr) ([]byte, bool) {
	if year := at.Year(); year < 0 || year > 9999 {
		return nil, false
	}
	line = append(line, `{"time":"`...)
	line = at.AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"`...)
	line = append(line, level.String()...)
	line = append(line, `","msg":"`+requestMessage+`"`...)
	for _, a := range attrs {
		line = append(line, `,"`...)
		line = append(line, a.Key...)
		line = append(line, `":`...)
		switch v := a.Value; v.Kind() {
		case slog.KindString:
			text := v.String()
			if !isPlain(text) {
				return nil, false
			}
			line = append(line, '"')
			line = append(line, text...)
			line = append(line, '"')
		case slog.KindInt64:
			line = strconv.AppendInt(line, v.Int64(), 10)
		case slog.KindFloat64:
			f := v.Float64()
			if f != 0 && !(f >= 1e-6 && f < 1e21) || math.Signbit(f) {
				return nil, false
			}
			line = strconv.AppendFloat(line, f, 'f', -1, 64)
		default:
			return nil, false
		}
	}
	return append(line, "}\n"...), true
}

// isPlain reports whether nothing of a text is escaped in JSON.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
