package linecard

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"trunkline/linecard/capture"
	"trunkline/linecard/frame"
	"trunkline/linecard/pipeline"
)

// captureOptions are what the words after capture ask for.
type captureOptions struct {
	conf  pipeline.CaptureConfig
	count int // frames, 0 for no end
	ng    bool
}

func (c *Card) captureOptions(args []string) (captureOptions, error) {
	o := captureOptions{conf: pipeline.CaptureConfig{SnapLen: 256}}
	points := map[string]pipeline.Point{"rx": pipeline.PointRx, "tx": pipeline.PointTx, "drop": pipeline.PointDrop}
	for len(args) > 0 {
		word := strings.ToLower(args[0])
		args = args[1:]
		if p, ok := points[word]; ok {
			o.conf.Points |= p
			continue
		}
		if word == "pcapng" {
			o.ng = true
			continue
		}
		if len(args) == 0 {
			return o, fmt.Errorf("unexpected %q", word)
		}
		value := args[0]
		args = args[1:]
		switch word {
		case "port":
			ports, err := c.selected([]string{value})
			if err != nil {
				return o, err
			}
			o.conf.Port = ports[0].Name
		case "count", "snap":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1<<30 {
				return o, fmt.Errorf("%s %q is no number from 1", word, value)
			}
			if word == "snap" {
				o.conf.SnapLen = min(n, frame.MaxLen)
			} else {
				o.count = n
			}
		default:
			return o, fmt.Errorf("unexpected %q", word)
		}
	}
	return o, nil
}

// capture shows frames as they pass until ctx ends, the client hangs up or the
// count is reached.
func (c *Card) capture(ctx context.Context, args []string, out io.Writer) error {
	o, err := c.captureOptions(args)
	if err != nil {
		return err
	}
	w := capture.Text(out)
	if o.ng {
		if w, err = capture.PCAPNG(out, o.conf.SnapLen); err != nil {
			return err
		}
	}
	k, err := c.engine.Capture(o.conf)
	if err != nil {
		return err
	}
	defer k.Close()
	names := map[pipeline.Point]string{pipeline.PointRx: "rx", pipeline.PointTx: "tx", pipeline.PointDrop: "drop"}
	for seen := 0; ; {
		for r, ok := k.Read(); ok && ctx.Err() == nil; r, ok = k.Read() {
			f := capture.Frame{Time: c.began.Add(r.Time), Point: names[r.Point], Port: c.engine.PortName(r.Port), Len: r.Len, Data: r.Data}
			if r.Point == pipeline.PointDrop {
				f.Why = r.Reason.String()
			}
			if err := w.Write(f); err != nil {
				return err
			}
			if seen++; seen == o.count {
				return w.Close()
			}
		}
		select {
		case <-k.Ready():
		case <-ctx.Done():
			return w.Close()
		}
	}
}
