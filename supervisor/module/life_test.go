package module

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"trunkline/feature"
	"trunkline/linecard/api"
)

func repeat(n int, event any) []any { return slices.Repeat([]any{event}, n) }

// TestLife feeds events and compares all actions but heartbeats.
func TestLife(t *testing.T) {
	online1 := []any{desired{1}, acked{1, ""}}
	for _, tc := range []struct {
		name   string
		events []any
		want   []action
		phase  phase
	}{
		{"online", online1, []action{sendProgram, applied, goOnline, answered}, online},
		{"ack of nothing", []any{acked{0, ""}, acked{1, ""}}, nil, poweredUp},
		{"the same again", slices.Concat(online1, []any{desired{1}, acked{1, ""}}),
			[]action{sendProgram, applied, goOnline, answered, applied, answered}, online},
		{"second program", slices.Concat(online1, []any{desired{2}, acked{2, ""}}),
			[]action{sendProgram, applied, goOnline, answered, sendProgram, applied, answered}, online},
		{"late ack", []any{desired{1}, desired{2}, acked{1, ""}}, []action{sendProgram, sendProgram}, poweredUp},
		{"generation zero", []any{desired{0}, acked{0, ""}}, []action{sendProgram, applied, goOnline, answered}, online},
		{"older generation, as after a reload", slices.Concat(online1, []any{desired{0}}),
			[]action{sendProgram, applied, goOnline, answered, sendProgram}, online},
		{"refused", []any{desired{1}, acked{1, "no"}}, []action{sendProgram, answered, complain}, poweredUp},
		{"refused again", []any{desired{1}, acked{1, "no"}, acked{1, "no"}}, []action{sendProgram, answered, complain}, poweredUp},
		{"refused, then not", []any{desired{1}, acked{1, "no"}, acked{1, ""}},
			[]action{sendProgram, answered, complain, applied, goOnline, answered}, online},
		{"no answer", append([]any{desired{1}}, slices.Repeat([]any{tick{}, heard{}}, 10)...),
			[]action{sendProgram, sendProgram, sendProgram}, poweredUp},
		{"retry of a refused program", append([]any{desired{1}, acked{1, "no"}}, slices.Repeat([]any{tick{}, heard{}}, 10)...),
			[]action{sendProgram, answered, complain, sendProgram}, poweredUp},
		{"five missed", repeat(5, tick{}), nil, poweredUp},
		{"six missed", repeat(6, tick{}), []action{warn}, poweredUp},
		{"heard after six", append(repeat(6, tick{}), heard{}), []action{warn, recovered}, poweredUp},
		{"heard in between", append(append(repeat(5, tick{}), heard{}), repeat(5, tick{})...), nil, poweredUp},
		{"fourteen missed", repeat(14, tick{}), []action{warn}, poweredUp},
		{"fifteen missed", repeat(15, tick{}), []action{warn, removeLost}, gone},
		{"other loss", append([]any{timing{3}}, repeat(3, tick{})...), []action{removeLost}, gone},
		{"ended", []any{ended{why: "x"}}, []action{remove}, gone},
		{"nothing after the end", []any{ended{}, heard{}, tick{}, desired{1}, acked{1, ""}, ended{}}, []action{remove}, gone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := life{loss: 15}
			var got []action
			for _, e := range tc.events {
				for _, a := range l.step(e) {
					if a != sendHeartbeat {
						got = append(got, a)
					}
				}
			}
			if !reflect.DeepEqual(got, tc.want) || l.phase != tc.phase {
				t.Errorf("actions %v, phase %d; want %v, %d", got, l.phase, tc.want, tc.phase)
			}
		})
	}
}

// world is a configuration for one session without a wire.
type world struct {
	mu     sync.Mutex
	events []Event
	lost   int
}

func (w *world) Slot(string) int                         { return 3 }
func (w *world) Host(int) string                         { return "host" }
func (w *world) Bind(context.Context, int, string) error { return errors.New("bound") }
func (w *world) Program(int) (Program, error)            { return Program{Generation: 1, Config: 1}, nil }

func (w *world) session() *session {
	m := New(Config{
		Settings: func() Settings { return Settings{Interval: time.Second, Loss: 15} },
		Bindings: w, Programs: w, Log: slog.New(slog.DiscardHandler),
		Report: func(int, string, []byte) error { return errors.New("bad report") },
		Lost:   func(int) { w.lost++ },
		Event: func(e Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	})
	s := newSession(m, 3, "host", m.settings())
	s, _ = m.insert(s, "", &api.Hello{})
	s.ticker = time.NewTicker(time.Second)
	return s
}

func (w *world) names() (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		names = append(names, e.Mnemonic)
	}
	return names
}

// TestHeartbeatLoss lets a card fall silent, on fake time.
func TestHeartbeatLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		s := w.session()
		defer s.ticker.Stop()
		start := time.Now()
		why := make(chan string, 1)
		go func() {
			reason := s.live(t.Context())
			s.m.detach(s)
			why <- reason
		}()
		s.changed()
		synctest.Wait() // the program is on its way
		s.in <- &api.FromCard{M: &api.FromCard_Ack{Ack: &api.Ack{Generation: 1}}}
		for range 100 { // seconds in which it is heard
			time.Sleep(time.Second)
			s.in <- &api.FromCard{M: &api.FromCard_Heartbeat{Heartbeat: &api.Heartbeat{}}}
		}
		synctest.Wait()
		if m := s.m.Snapshot()[0]; m.Status != feature.ModuleOK || m.HeartbeatsIn != 100 {
			t.Fatalf("module %+v", m)
		}
		silent := time.Now()
		time.Sleep(6*time.Second + time.Millisecond)
		synctest.Wait()
		if got, want := w.names(), []string{evDetected, evOnline, evSilent}; !slices.Equal(got, want) {
			t.Errorf("after 6 s of silence: events %v, want %v", got, want)
		}
		if got := <-why; got != "heartbeats lost" {
			t.Errorf("removed because %q", got)
		}
		if d := time.Since(silent); d < 14*time.Second || d > 15*time.Second {
			t.Errorf("removed after %v of silence, %v after the start", d, time.Since(start))
		}
		synctest.Wait()
		if got, want := w.names(), []string{evDetected, evOnline, evSilent, evLost, evOffline}; !slices.Equal(got, want) || w.lost != 1 {
			t.Errorf("events %v, want %v; lost %d times", got, want, w.lost)
		}
		if m := s.m.Snapshot()[0]; m.Status != feature.ModuleAbsent || m.Removals != 1 || !m.LastSeen.Equal(silent) {
			t.Errorf("module %+v", m)
		}
	})
}

// TestWaitAppliedTime bounds the wait of a commit for a card that is stuck.
func TestWaitAppliedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		s := w.session()
		s.ticker.Stop()
		start := time.Now()
		if s.m.WaitApplied(t.Context(), 1, 500*time.Millisecond) || time.Since(start) != 500*time.Millisecond {
			t.Errorf("returned after %v", time.Since(start))
		}
		go func() {
			time.Sleep(200 * time.Millisecond)
			s.m.detach(s) // a card that goes is not waited for
		}()
		start = time.Now()
		if !s.m.WaitApplied(t.Context(), 1, 500*time.Millisecond) || time.Since(start) != 200*time.Millisecond {
			t.Errorf("with no card left: returned after %v", time.Since(start))
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox()
	beat := &api.ToCard{M: &api.ToCard_Heartbeat{}}
	for range maxQueued {
		if !o.put(beat) {
			t.Fatal("refused with room left")
		}
	}
	if o.put(beat) {
		t.Error("took more than there is room for")
	}
	for g := range uint64(100) {
		o.put(&api.ToCard{M: &api.ToCard_Program{Program: &api.Program{Generation: g}}})
	}
	if got := o.take().GetProgram().GetGeneration(); got != 99 {
		t.Errorf("program %d, want the newest, 99", got)
	}
	n := 0
	for o.take() != nil {
		n++
	}
	if n != maxQueued {
		t.Errorf("%d others, want %d", n, maxQueued)
	}
}

func TestShown(t *testing.T) {
	for _, tc := range []struct {
		in     string
		length int
		want   string
	}{
		{"kvm-a", 63, "kvm-a"},
		{"a\x1b[2Jb\n", 63, "a.[2Jb."},
		{"a\xffb", 63, "a.b"},
		{"éééé", 3, "ééé"},
	} {
		if got := shown(tc.in, tc.length); got != tc.want {
			t.Errorf("shown(%q, %d) = %q, want %q", tc.in, tc.length, got, tc.want)
		}
	}
}

// FuzzFromCard gives a session what a broken card may send.
func FuzzFromCard(f *testing.F) {
	for _, m := range []*api.FromCard{
		{M: &api.FromCard_Ack{Ack: &api.Ack{Generation: 1, Error: "x", Ports: map[string]string{"Ethernet3/1": "gone"}}}},
		{M: &api.FromCard_Report{Report: &api.Report{Sections: map[string][]byte{"ports": []byte("{}")}}}},
		{M: &api.FromCard_Reply{Reply: &api.Reply{Id: 1}}},
		{M: &api.FromCard_Hello{Hello: &api.Hello{Uuid: "x"}}},
		{M: &api.FromCard_Punt{Punt: &api.Punt{}}},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var msg api.FromCard
		if proto.Unmarshal(data, &msg) != nil {
			return
		}
		var w world
		s := w.session()
		defer s.ticker.Stop()
		s.handle(desired{1})
		why, over := s.handle(&msg)
		if hello := msg.GetHello() != nil; over != hello {
			t.Errorf("%v: session over: %v, %q", &msg, over, why)
		}
	})
}
