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

// capture shows frames as they pass until ctx ends, the client hangs up or the
// count is reached.
func (c *Card) capture(ctx context.Context, args []string, out io.Writer) error {
	conf := pipeline.CaptureConfig{SnapLen: 256}
	count, ng := 0, false
	points := map[string]pipeline.Point{"rx": pipeline.PointRx, "tx": pipeline.PointTx, "drop": pipeline.PointDrop}
	for len(args) > 0 {
		word := strings.ToLower(args[0])
		args = args[1:]
		if p, ok := points[word]; ok {
			conf.Points |= p
			continue
		}
		if word == "pcapng" {
			ng = true
			continue
		}
		if len(args) == 0 {
			return fmt.Errorf("unexpected %q", word)
		}
		value := args[0]
		args = args[1:]
		switch word {
		case "port":
			ports, err := c.selected([]string{value})
			if err != nil {
				return err
			}
			conf.Port = ports[0].Name
		case "count", "snap":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1<<30 {
				return fmt.Errorf("%s %q is no number from 1", word, value)
			}
			if word == "snap" {
				conf.SnapLen = min(n, frame.MaxLen)
			} else {
				count = n
			}
		default:
			return fmt.Errorf("unexpected %q", word)
		}
	}
	w := capture.Text(out)
	if ng {
		var err error
		if w, err = capture.PCAPNG(out, conf.SnapLen); err != nil {
			return err
		}
	}
	k, err := c.engine.Capture(conf)
	if err != nil {
		return err
	}
	defer k.Close()
	names := map[pipeline.Point]string{pipeline.PointRx: "rx", pipeline.PointTx: "tx", pipeline.PointDrop: "drop"}
	for seen := 0; ; {
		for r, ok := k.Read(); ok; r, ok = k.Read() {
			f := capture.Frame{Time: c.began.Add(r.Time), Point: names[r.Point], Port: c.engine.PortName(r.Port), Len: r.Len, Data: r.Data}
			if r.Point == pipeline.PointDrop {
				f.Why = r.Reason.String()
			}
			if err := w.Write(f); err != nil {
				return err
			}
			if seen++; seen == count {
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
