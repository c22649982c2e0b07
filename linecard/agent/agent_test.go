package agent

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"trunkline/linecard/api"
)

const hostA = "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b"

// card is a card in memory.
type card struct {
	mu      sync.Mutex
	applied []string
	entries []*api.Entries
	err     error
	panics  bool
	report  map[string][]byte
	after   []byte // ports of the report once a program has come
}

func (c *card) Apply(_ uint64, sections map[string][]byte) (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.panics {
		panic("bug")
	}
	if c.err == nil {
		c.applied = append(c.applied, string(sections["vlan"]))
		if c.after != nil {
			c.report["ports"] = c.after
		}
	}
	return map[string]string{"Ethernet3/1": "gone"}, c.err
}

func (c *card) Reports() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.panics {
		panic("bug")
	}
	return maps.Clone(c.report)
}

func (c *card) Query(_ context.Context, feature string, request []byte) ([]byte, error) {
	switch feature {
	case "panic":
		panic("bug")
	case "long":
		return make([]byte, maxReply+1), nil
	}
	return request, nil
}

func (c *card) Entries(e *api.Entries) { c.entries = append(c.entries, e) }

func newAgent(t testing.TB, dir string) (*Agent, *card) {
	t.Helper()
	c := &card{report: map[string][]byte{}}
	a, err := New(Config{StateDir: dir, UUID: hostA, Card: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

func program(generation, term uint64, vlan string) *api.Program {
	return &api.Program{Generation: generation, Term: term, Sections: map[string][]byte{"vlan": []byte(vlan)}}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{StateDir: t.TempDir(), UUID: "x"}); err == nil {
		t.Error("took a UUID that is none")
	}
}

func TestApply(t *testing.T) {
	dir := t.TempDir()
	a, c := newAgent(t, dir)
	for _, tc := range []struct {
		name    string
		program *api.Program
		before  func()
		err     string
		applied []string // by now
		inForce uint64
	}{
		{"first", program(1, 5, "1"), nil, "", []string{"1"}, 1},
		{"equal", program(2, 5, "1"), nil, "", []string{"1"}, 2},
		{"older term", program(3, 4, "3"), nil, "the program is of term 4, and 5 was seen", []string{"1"}, 2},
		{"smaller generation", program(1, 6, "4"), nil, "", []string{"1", "4"}, 1},
		{"refused", program(7, 6, "7"), func() { c.err = errors.New("no") }, "no", []string{"1", "4"}, 1},
		{"panic", program(8, 6, "8"), func() { c.panics = true }, "panic: bug", []string{"1", "4"}, 1},
		{"after that", program(9, 6, "9"), func() { c.err, c.panics = nil, false }, "", []string{"1", "4", "9"}, 9},
	} {
		if tc.before != nil {
			tc.before()
		}
		ack := a.apply(tc.program)
		if ack.GetGeneration() != tc.program.GetGeneration() || ack.GetError() != tc.err {
			t.Errorf("%s: ack %v, want error %q", tc.name, ack, tc.err)
		}
		if tc.err == "" && ack.GetPorts()["Ethernet3/1"] != "gone" {
			t.Errorf("%s: ports %v", tc.name, ack.GetPorts())
		}
		if !reflect.DeepEqual(c.applied, tc.applied) {
			t.Errorf("%s: applied %q, want %q", tc.name, c.applied, tc.applied)
		}
		if s := a.Status(); s.Generation != tc.inForce || s.Refused != tc.err {
			t.Errorf("%s: status %+v", tc.name, s)
		}
		// What a restart would find is what is in force.
		again, other := newAgent(t, dir)
		again.restore()
		if s := again.Status(); s.Generation != tc.inForce || len(other.applied) != 1 || other.applied[0] != tc.applied[len(tc.applied)-1] {
			t.Errorf("%s: after a restart generation %d, applied %q", tc.name, s.Generation, other.applied)
		}
	}
}

func TestSavedProgramThatIsRefused(t *testing.T) {
	dir := t.TempDir()
	a, _ := newAgent(t, dir)
	a.apply(program(1, 1, "1"))
	a, c := newAgent(t, dir)
	c.panics = true
	a.restore()
	if s := a.Status(); s.Generation != 0 || s.Refused != "panic: bug" {
		t.Errorf("status %+v", s)
	}
	c.panics = false
	if ack := a.apply(program(1, 1, "1")); ack.GetError() != "" || len(c.applied) != 1 {
		t.Errorf("the same program again: %v, applied %q", ack, c.applied)
	}
}

func TestNotSaved(t *testing.T) {
	dir := t.TempDir()
	a, c := newAgent(t, dir)
	a.store.dir = dir + "/not/there"
	if ack := a.apply(program(1, 1, "1")); !strings.Contains(ack.GetError(), "in force but not saved") {
		t.Errorf("ack %v", ack)
	}
	a.store.dir = dir // the disk has room again; the supervisor sends again
	if ack := a.apply(program(1, 1, "1")); ack.GetError() != "" || len(c.applied) != 1 {
		t.Errorf("ack %v, applied %q", ack, c.applied)
	}
	if p, faults := a.store.program(); p.GetGeneration() != 1 || faults != nil {
		t.Errorf("saved %v, %v", p, faults)
	}
}

func newLink(a *Agent) *link {
	return &link{a: a, out: newOutbox(), in: make(chan *api.ToCard), acks: make(chan *api.Ack, 1), queries: make(chan struct{}, maxQueries), sent: map[string][]byte{}}
}

// TestSupervisorFallsSilent ends a session on fake time.
func TestSupervisorFallsSilent(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAgent(t, dir)
		l := newLink(a)
		if err := l.welcome(&api.Welcome{Slot: 3, IntervalMs: 1000, Loss: 15}); err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- l.loop(t.Context()) }()
		for range 100 {
			time.Sleep(time.Second)
			l.in <- &api.ToCard{M: &api.ToCard_Heartbeat{}}
		}
		silent := time.Now()
		err := <-over
		if want := "15 heartbeats of the supervisor missed"; err == nil || err.Error() != want {
			t.Errorf("session over: %v, want %q", err, want)
		}
		if d := time.Since(silent); d < 15*time.Second || d > 16*time.Second {
			t.Errorf("after %v of silence", d)
		}
	})
}

func TestReportsAreSentOnChange(t *testing.T) {
	a, c := newAgent(t, t.TempDir())
	l := newLink(a)
	take := func() (sections map[string]string) {
		for msg := l.out.take(); msg != nil; msg = l.out.take() {
			for name, data := range msg.GetReport().GetSections() {
				if sections == nil {
					sections = map[string]string{}
				}
				sections[name] = string(data)
			}
		}
		return sections
	}
	for _, tc := range []struct{ report, want map[string]string }{
		{map[string]string{"ports": "1", "nics": "1"}, map[string]string{"ports": "1", "nics": "1"}},
		{map[string]string{"ports": "1", "nics": "1"}, nil},
		{map[string]string{"ports": "2", "nics": "1"}, map[string]string{"ports": "2"}},
		{map[string]string{"ports": "", "nics": "1"}, map[string]string{"ports": ""}},
	} {
		c.report = map[string][]byte{}
		for name, text := range tc.report {
			c.report[name] = []byte(text)
		}
		l.report()
		if got := take(); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("of %v sent %v, want %v", tc.report, got, tc.want)
		}
	}
}

// TestReportBeforeAnswer sends a program: what it changes is reported before it
// is answered.
func TestReportBeforeAnswer(t *testing.T) {
	a, c := newAgent(t, t.TempDir())
	c.report["ports"] = []byte("before")
	l := newLink(a)
	if err := l.welcome(&api.Welcome{Slot: 3, IntervalMs: 60000, Loss: 15}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- l.loop(ctx) }()
	applied := make(chan struct{})
	go func() { a.applier(ctx); close(applied) }()
	defer func() { cancel(); <-over; <-applied }()
	next := func() *api.FromCard {
		for {
			if m := l.out.take(); m != nil {
				return m
			}
			select {
			case <-l.out.ready:
			case <-time.After(30 * time.Second):
				t.Fatal("nothing is sent")
			}
		}
	}
	if got := string(next().GetReport().GetSections()["ports"]); got != "before" {
		t.Fatalf("first report %q", got)
	}
	c.mu.Lock()
	c.after = []byte("after")
	c.mu.Unlock()
	l.in <- &api.ToCard{M: &api.ToCard_Program{Program: program(1, 1, "1")}}
	if m := next(); string(m.GetReport().GetSections()["ports"]) != "after" {
		t.Fatalf("sent first: %v", m)
	}
	if m := next(); m.GetAck().GetGeneration() != 1 {
		t.Fatalf("sent second: %v", m)
	}
}

// TestPanicInReport has a card that cannot report.
func TestPanicInReport(t *testing.T) {
	a, c := newAgent(t, t.TempDir())
	c.panics = true
	l := newLink(a)
	l.report()
	if m := l.out.take(); m != nil {
		t.Errorf("sent %v", m)
	}
	c.panics, c.report["ports"] = false, []byte("1")
	l.report()
	if m := l.out.take(); string(m.GetReport().GetSections()["ports"]) != "1" {
		t.Errorf("after that: %v", m)
	}
}

func TestQueriesAreBounded(t *testing.T) {
	a, _ := newAgent(t, t.TempDir())
	l := newLink(a)
	for range maxQueries {
		l.queries <- struct{}{} // as many run
	}
	l.query(t.Context(), &api.Query{Id: 1})
	if r := l.out.take().GetReply(); r.GetError() != "the card is busy" {
		t.Errorf("reply %v", r)
	}
	<-l.queries
	for feature, want := range map[string]string{"long": "too long", "panic": "panic: bug"} {
		l.query(t.Context(), &api.Query{Id: 2, Feature: feature})
		if err := l.work.Wait(); err != nil {
			t.Fatal(err)
		}
		if r := l.out.take().GetReply(); r.GetId() != 2 || !strings.Contains(r.GetError(), want) || r.GetReply() != nil {
			t.Errorf("%s: error %q", feature, r.GetError())
		}
	}
}

// FuzzToCard gives a session what a broken supervisor may send.
func FuzzToCard(f *testing.F) {
	for _, m := range []*api.ToCard{
		{M: &api.ToCard_Welcome{Welcome: &api.Welcome{Slot: 1 << 31, IntervalMs: 1 << 31, Loss: 1 << 31}}},
		{M: &api.ToCard_Program{Program: program(1, 1, "1")}},
		{M: &api.ToCard_Query{Query: &api.Query{Id: 1, Feature: "panic"}}},
		{M: &api.ToCard_Entries{Entries: &api.Entries{Sequence: 1, Entries: []*api.Entry{{Table: "mac", Key: []byte("k")}}}}},
		{M: &api.ToCard_Inject{Inject: &api.Inject{}}},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		var msg api.ToCard
		if proto.Unmarshal(data, &msg) != nil {
			return
		}
		a, _ := newAgent(t, dir)
		a.store.dir = dir + "/none" // no disk in a fuzz loop
		l := newLink(a)
		l.message(t.Context(), &msg) //nolint:errcheck // either answer is fine
		if err := l.work.Wait(); err != nil {
			t.Error(err)
		}
		if j := a.jobs.take(); j != nil {
			j.answer(a.apply(j.program))
		}
		if l.interval < 0 || l.interval > maxInterval || l.loss > 1000 {
			t.Errorf("interval %v, loss %d", l.interval, l.loss)
		}
	})
}
