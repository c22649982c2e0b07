package linecard

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/linecard/pipeline"
)

// TestDatapath keeps what the program says for the next start.
func TestDatapath(t *testing.T) {
	c := &Card{cfg: Config{StateDir: t.TempDir()}}
	next := func(own Datapath) string {
		t.Helper()
		cfg := c.cfg
		cfg.Datapath = own
		d, err := datapath(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	if got := next(Datapath{}); got != "auto" {
		t.Errorf("without a program: %s", got)
	}
	for range 2 {
		if err := c.keepHost([]byte(`{"driver":"xdp","cores":[1,2,5]}`)); err != nil {
			t.Fatal(err)
		}
	}
	if got := next(Datapath{}); got != "xdp cores 1-2,5" {
		t.Errorf("after a program: %s", got)
	}
	if got := next(Datapath{Driver: "packet"}); got != "packet cores 1-2,5" {
		t.Errorf("with a driver of its own: %s", got)
	}
	if got := next(Datapath{Driver: "packet", Cores: []int{7}}); got != "packet cores 7" {
		t.Errorf("with both of its own: %s", got)
	}
	for _, wrong := range []string{`{"driver":"fast"}`, `{"driver":"auto","cores":[1,1]}`, `{"driver":"auto","cores":[-1]}`, `{"driver":"auto","more":1}`, `x`} {
		if err := c.keepHost([]byte(wrong)); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
	if got := next(Datapath{}); got != "xdp cores 1-2,5" {
		t.Errorf("after wrong programs: %s", got)
	}
	for range 2 {
		if err := c.keepHost(nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := next(Datapath{}); got != "auto" {
		t.Errorf("after a program without it: %s", got)
	}
	if err := os.WriteFile(filepath.Join(c.cfg.StateDir, hostFile), []byte(`{"driver":"?"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datapath(c.cfg); err == nil || !strings.Contains(err.Error(), hostFile) {
		t.Errorf("a wrong file: %v", err)
	}
}

func TestWorkerFlags(t *testing.T) {
	for _, c := range []struct {
		args  string
		want  Config
		wrong bool
	}{
		{args: "--workers 3", want: Config{Workers: 3, Spin: pipeline.DefaultSpin}},
		{args: "--workers 1 --spin off", want: Config{Workers: 1, Spin: pipeline.SpinOff}},
		{args: "--workers 1 --spin always", want: Config{Workers: 1, Spin: pipeline.SpinForever}},
		{args: "--workers 1 --spin 200us --cores 2-3", want: Config{Workers: 1, Spin: 200 * time.Microsecond, Datapath: Datapath{Cores: []int{2, 3}}}},
		{args: "--workers 0", wrong: true}, {args: "--workers 65", wrong: true}, {args: "--spin 2s", wrong: true},
		{args: "--spin -1s", wrong: true}, {args: "--spin x", wrong: true}, {args: "--cores 3-2", wrong: true},
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		take := WorkerFlags(fs)
		err := fs.Parse(strings.Fields(c.args))
		var got Config
		if err == nil {
			err = take(&got)
		}
		if (err != nil) != c.wrong || err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.args, got, err)
		}
	}
}
