package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// startup are remarks that etcd makes at every start of a member like ours:
// nothing listens, nobody logs in, and a new database has no version yet.
func startup(text string) bool {
	switch text {
	case "Running http and grpc server on single port. This is not recommended for production.",
		"simple token is not cryptographically signed",
		"Failed to detect schema version",
		"failed to update storage version":
		return true
	}
	return false
}

// zapCore passes what etcd logs on to a slog logger, from warnings up. The
// last words before a panic are kept in death, because a panic carries the
// message without its fields.
type zapCore struct {
	log    *slog.Logger
	fields []zapcore.Field
	death  *atomic.Pointer[string]
}

// zapLogger returns a logger for etcd. Its Fatal panics, so that Open can turn
// it into an error. death may be nil.
func zapLogger(log *slog.Logger, death *atomic.Pointer[string]) *zap.Logger {
	return zap.New(&zapCore{log: log, death: death}, zap.WithFatalHook(zapcore.WriteThenPanic))
}

// Enabled implements zapcore.Core.
func (c *zapCore) Enabled(l zapcore.Level) bool { return l >= zapcore.WarnLevel }

// With implements zapcore.Core.
func (c *zapCore) With(f []zapcore.Field) zapcore.Core {
	return &zapCore{c.log, append(c.fields[:len(c.fields):len(c.fields)], f...), c.death}
}

// Check implements zapcore.Core.
func (c *zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c *zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		f.AddTo(enc)
	}
	if e.Level >= zapcore.PanicLevel && c.death != nil {
		text := e.Message
		if err, ok := enc.Fields["error"]; ok {
			text += fmt.Sprintf(": %v", err)
		}
		c.death.Store(&text)
		return nil
	}
	level := slog.LevelWarn
	switch {
	case startup(e.Message):
		level = slog.LevelDebug
	case e.Level > zapcore.WarnLevel:
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("text", e.Message)}
	for k, v := range enc.Fields {
		attrs = append(attrs, slog.Any(k, v))
	}
	c.log.LogAttrs(context.Background(), level, "etcd", attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (c *zapCore) Sync() error { return nil }
