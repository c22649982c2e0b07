package linecard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a command that a supervisor has the card execute. Its output is held
// in memory until it is sent whole.
const (
	maxOutput = 1 << 20 // bytes
	maxFrames = 1000    // of a capture
)

// errCut ends a command that has printed too much.
var errCut = errors.New("output is too long")

// execute runs a line of vemcmd for the supervisor. What is printed beyond the
// bound is cut, and says so. The command ends with ctx.
func (c *Card) execute(ctx context.Context, args []string) ([]byte, error) {
	if len(args) > 0 && strings.EqualFold(args[0], "capture") {
		o, err := c.captureOptions(args[1:])
		if err != nil {
			return nil, err
		}
		if o.count < 1 || o.count > maxFrames {
			return nil, fmt.Errorf("capture from here needs count, 1 to %d", maxFrames)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := bounded{full: cancel}
	err := c.command(ctx, args, &out)
	if out.cut {
		fmt.Fprintf(&out.Buffer, "\n... cut after %d bytes; vemcmd on the card's host shows all\n", maxOutput)
		if err == nil || errors.Is(err, errCut) || errors.Is(err, context.Canceled) {
			return out.Bytes(), nil
		}
	}
	return out.Bytes(), err
}

// bounded keeps the first maxOutput bytes.
type bounded struct {
	bytes.Buffer
	cut  bool
	full func() // called when there is more
}

var _ io.Writer = (*bounded)(nil)

func (b *bounded) Write(p []byte) (int, error) {
	room := maxOutput - b.Len()
	if b.cut || room < len(p) {
		if !b.cut {
			b.Buffer.Write(p[:room])
			b.cut = true
			b.full()
		}
		return 0, errCut
	}
	return b.Buffer.Write(p)
}
