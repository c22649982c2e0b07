package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/linecard/api"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/punt"
)

// world is a speaker with two ports, whose frames are texts: the sections name
// the ports that send, the frames heard a neighbour and its time to live.
type world struct {
	*Speaker[string, string]
	up      map[string]bool
	sent    []string // seconds since the start, port, time to live
	changes atomic.Int32
	full    atomic.Bool
}

// run runs f beside a speaker in a bubble. Between its sleeps f may touch the
// world: nothing else runs then.
func run(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := &world{up: map[string]bool{"E1": true}}
		w.Speaker = New(Config[string, string]{
			Quick: 2,
			Settings: func(section []byte) (Settings[string], error) {
				if string(section) == "bad" {
					return Settings[string]{}, errors.New("bad section")
				}
				s := Settings[string]{Program: string(section), Interval: 30 * time.Second, Hold: 100 * time.Second, Reinit: 4 * time.Second, Ports: map[string]Port{}}
				for i := 0; i+2 <= len(section); i += 2 {
					s.Ports[string(section[i:i+2])] = Port{Transmit: true, Receive: true}
				}
				return s, nil
			},
			Link: func(port string) pipeline.Link { return pipeline.Link{Up: w.up[port]} },
			Inject: func(port string, frame []byte) error {
				if w.full.Load() {
					return errors.New("full")
				}
				w.sent = append(w.sent, fmt.Sprintf("%.0f %s %s", time.Since(began).Seconds(), port, frame))
				return nil
			},
			Encode: func(_, _ string, _ pipeline.Link, live time.Duration) ([]byte, bool) {
				return []byte(live.String()), false
			},
			Decode: func(frame *punt.Packet) (h Heard[string], err error) {
				var live int
				if _, err := fmt.Sscanf(string(frame.Data()), "%s %d", &h.ID, &live); err != nil {
					return h, err
				}
				h.Live, h.Info = time.Duration(live)*time.Second, h.ID
				return h, map[string]error{"checksum": ErrChecksum, "version": ErrVersion}[h.ID]
			},
			Changed: func() { w.changes.Add(1) },
			Log:     slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		f(w)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// put applies a section as the card does.
func (w *world) put(t *testing.T, section string) {
	t.Helper()
	if _, err := w.Leave([]byte(section)); err != nil {
		t.Fatal(err)
	}
	if err := w.Apply([]byte(section)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// sleep lets time pass, and what it brings happen.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) hear(port, text string) {
	w.Handle(context.Background(), &punt.Packet{Name: port, Packet: punt.Decode([]byte(text))})
	synctest.Wait()
}

func (w *world) want(t *testing.T, sent ...string) {
	t.Helper()
	if !slices.Equal(w.sent, sent) {
		t.Errorf("sent %q, want %q", w.sent, sent)
	}
	w.sent = nil
}

// ids are the neighbours of a port.
func (w *world) ids(port string) (all []string) {
	for _, p := range w.Table().Ports {
		if p.Name == port {
			for _, n := range p.Neighbours {
				all = append(all, n.ID)
			}
		}
	}
	return all
}

func TestTimes(t *testing.T) {
	run(t, func(w *world) {
		w.put(t, "E1E2")
		w.sleep(65 * time.Second)
		w.want(t, "0 E1 1m40s", "1 E1 1m40s", "2 E1 1m40s", "32 E1 1m40s", "62 E1 1m40s")
		w.up["E2"] = true // at 65
		w.Poke()
		w.sleep(10 * time.Second)
		w.want(t, "65 E2 1m40s", "66 E2 1m40s", "67 E2 1m40s")
		w.up["E1"] = false // at 75
		w.Poke()
		w.sleep(20 * time.Second)
		w.want(t)
	})
}

// TestGoodbye turns a port off and on again, which takes the reinit delay.
func TestGoodbye(t *testing.T) {
	run(t, func(w *world) {
		w.put(t, "E1")
		w.sleep(3 * time.Second)
		w.sent = nil
		w.put(t, "")
		w.put(t, "E1")
		w.sleep(6500 * time.Millisecond)
		w.want(t, "3 E1 0s", "7 E1 1m40s", "8 E1 1m40s", "9 E1 1m40s")
		w.put(t, "")
		w.sleep(time.Minute)
		w.want(t, "10 E1 0s")
		if n := len(w.Table().Ports); n != 0 {
			t.Errorf("%d ports are left", n)
		}
	})
}

func TestNeighbours(t *testing.T) {
	run(t, func(w *world) {
		w.put(t, "E1")
		w.sleep(5 * time.Second)
		w.sent = nil
		changes := w.changes.Load()
		w.hear("E1", "a 20") // at 5: answered a second later, and again
		w.hear("E1", "b 10")
		w.hear("E2", "c 10") // not a port of this protocol
		if got := w.ids("E1"); !slices.Equal(got, []string{"a", "b"}) || w.changes.Load() != changes+2 {
			t.Errorf("neighbours %q, %d changes", got, w.changes.Load()-changes)
		}
		w.sleep(5 * time.Second)
		w.want(t, "6 E1 1m40s", "7 E1 1m40s", "8 E1 1m40s")
		w.hear("E1", "a 20") // at 10
		w.sleep(6 * time.Second)
		if got := w.ids("E1"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after b's time: %q", got)
		}
		w.sleep(13500 * time.Millisecond) // 29.5
		if got := w.ids("E1"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("before a's time: %q", got)
		}
		w.sleep(time.Second)
		if got := w.ids("E1"); len(got) != 0 {
			t.Errorf("after a's time: %q", got)
		}
		w.hear("E1", "a 20")
		w.hear("E1", "a 0")
		if got := w.ids("E1"); len(got) != 0 {
			t.Errorf("after its goodbye: %q", got)
		}
		w.hear("E1", "a 20")
		w.up["E1"] = false
		w.Poke()
		synctest.Wait()
		if got := w.ids("E1"); len(got) != 0 {
			t.Errorf("without a link: %q", got)
		}
		if n := w.Table().Ports[0].Counters.Aged; n != 2 {
			t.Errorf("%d aged, want 2", n)
		}
	})
}

func TestBounds(t *testing.T) {
	run(t, func(w *world) {
		w.put(t, "E1")
		for i := range api.MaxPortNeighbours + 3 {
			w.hear("E1", fmt.Sprintf("n%d 10", i))
		}
		for _, text := range []string{"", "checksum 1", "version 1", "n0 10"} {
			w.hear("E1", text)
		}
		w.full.Store(true)
		w.sleep(3 * time.Second)
		got := w.Table().Ports[0]
		want := api.DiscoveryCounters{
			Received: api.MaxPortNeighbours + 3 + 4, Malformed: 1, BadChecksum: 1, BadVersion: 1, Discarded: 3, Sent: 1, SendErrors: 2,
		}
		if got.Counters.SendErrors = min(got.Counters.SendErrors, 2); got.Counters != want || len(got.Neighbours) != api.MaxPortNeighbours {
			t.Errorf("%d neighbours, counters %+v, want %+v", len(got.Neighbours), got.Counters, want)
		}
		if _, err := w.Leave([]byte("bad")); err == nil {
			t.Error("a bad section was taken")
		}
	})
}

func TestQuery(t *testing.T) {
	run(t, func(w *world) {
		w.put(t, "E1")
		w.hear("E1", "a 10")
		for _, c := range []struct {
			request string
			ok      bool
			want    api.DiscoveryPort[string]
		}{
			{`{"clear":"counters"}`, true, api.DiscoveryPort[string]{Name: "E1", Up: true, Neighbours: w.Table().Ports[0].Neighbours}},
			{`{"clear":"table"}`, true, api.DiscoveryPort[string]{Name: "E1", Up: true}},
			{`{"clear":"all"}`, false, api.DiscoveryPort[string]{Name: "E1", Up: true}},
			{`{"other":"table"}`, false, api.DiscoveryPort[string]{Name: "E1", Up: true}},
		} {
			if _, err := w.Query([]byte(c.request)); (err == nil) != c.ok {
				t.Errorf("%s: %v", c.request, err)
			}
			if got := w.Table().Ports[0]; !reflect.DeepEqual(got, c.want) {
				t.Errorf("after %s: %+v, want %+v", c.request, got, c.want)
			}
		}
	})
}
