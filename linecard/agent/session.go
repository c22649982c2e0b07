package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"trunkline/linecard/api"
)

type stream = grpc.BidiStreamingClient[api.FromCard, api.ToCard]

// Times and bounds of a session.
const (
	reportTime    = time.Second           // at least as often
	reportHold    = 20 * time.Millisecond // after a change, so that a burst is one report
	queryTime     = 10 * time.Second
	maxQueries    = 16 // at a time
	maxReply      = 12 << 20
	reportMessage = 8 << 20 // bytes of one report message, if its sections are shorter
	maxInterval   = time.Minute
)

// session attaches to one supervisor and returns when the session is over, why,
// and whether the supervisor had welcomed the card.
func (a *Agent) session(ctx context.Context, address string) (welcomed bool, err error) {
	if a.needsEnrolment() {
		if err := a.enrol(ctx, address); err != nil {
			return false, fmt.Errorf("supervisor %s: %w", address, err)
		}
	}
	conn, err := dial(address, a.id.attachTLS())
	if err != nil {
		return false, err
	}
	defer conn.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hello := time.AfterFunc(answerTime, cancel)
	st, err := api.NewSupervisorClient(conn).Attach(ctx)
	if err != nil {
		return false, fmt.Errorf("supervisor %s: %w", address, conn.cause(err))
	}
	welcome, err := a.hello(st)
	if !hello.Stop() && err == nil {
		err = errors.New("no answer in time")
	}
	if err != nil {
		return false, fmt.Errorf("supervisor %s: %w", address, conn.cause(err))
	}
	l := &link{a: a, st: st, out: newOutbox(), in: make(chan *api.ToCard), acks: make(chan *api.Ack, 1), queries: make(chan struct{}, maxQueries), sent: map[string][]byte{}}
	if err := l.welcome(welcome); err != nil {
		return false, fmt.Errorf("supervisor %s: %w", address, err)
	}
	a.update(func(s *Status) {
		s.Headless, s.Since, s.Supervisor, s.Error = false, time.Now(), address, ""
	})
	a.cfg.Log.Info("attached", "supervisor", address, "slot", welcome.GetSlot(), "term", welcome.GetTerm())
	return true, fmt.Errorf("supervisor %s: %w", address, l.run(ctx, cancel))
}

// hello introduces the card and waits for the welcome.
func (a *Agent) hello(st stream) (*api.Welcome, error) {
	s := a.Status()
	err := st.Send(&api.FromCard{M: &api.FromCard_Hello{Hello: &api.Hello{
		Uuid: a.cfg.UUID, Host: a.cfg.Host, Address: a.cfg.Address, Domain: a.cfg.Domain, Slot: uint32(a.cfg.Slot),
		Version: a.cfg.Version, Os: a.cfg.OS, Namespace: a.cfg.Namespace, Features: a.cfg.Features,
		Generation: s.Generation, Term: s.Term, Entries: a.entries.last(),
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // at EOF, Recv knows why
		return nil, err
	}
	msg, err := st.Recv()
	if err != nil {
		return nil, err
	}
	w := msg.GetWelcome()
	if w == nil {
		return nil, errors.New("the first message is no welcome")
	}
	if w.GetRefusal() != "" {
		return nil, fmt.Errorf("refused: %s", w.GetRefusal())
	}
	return w, nil
}

// link is one session. Its loop owns the fields.
type link struct {
	a       *Agent
	st      stream
	out     *outbox
	in      chan *api.ToCard // blocks
	acks    chan *api.Ack    // from the applier; of one, then blocks until the session is over
	queries chan struct{}    // a token for each that runs
	work    errgroup.Group   // queries

	interval time.Duration
	loss     int
	missed   int
	beat     *time.Ticker
	sent     map[string][]byte // report sections as sent last
}

// welcome takes slot, term and times; they may change during the session.
func (l *link) welcome(w *api.Welcome) error {
	a := l.a
	if term := a.Status().Term; w.GetTerm() < term {
		return fmt.Errorf("the supervisor is of term %d, and %d was seen", w.GetTerm(), term)
	}
	l.interval = min(max(time.Duration(w.GetIntervalMs())*time.Millisecond, time.Millisecond), maxInterval)
	l.loss = int(min(max(w.GetLoss(), 2), 1000))
	if l.beat != nil {
		l.beat.Reset(l.interval)
	}
	a.update(func(s *Status) { s.Slot, s.Term = int(w.GetSlot()), w.GetTerm() })
	return nil
}

// run works until the session is over and returns why. All its goroutines have
// ended then; a query that does not heed its context is waited for.
// Cancel ends ctx, and with it the stream.
func (l *link) run(ctx context.Context, cancel context.CancelFunc) error {
	var g errgroup.Group
	for _, f := range []func(context.Context) error{l.receive, l.send, l.loop} {
		g.Go(func() error {
			defer cancel() // the others end with the first
			return f(ctx)
		})
	}
	err := g.Wait()
	return errors.Join(err, l.work.Wait())
}

func (l *link) receive(ctx context.Context) error {
	for {
		msg, err := l.st.Recv()
		if errors.Is(err, io.EOF) {
			return errors.New("the supervisor ended the session")
		}
		if err != nil {
			return plain(err)
		}
		select {
		case l.in <- msg:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *link) send(ctx context.Context) error {
	for {
		msg := l.out.take()
		if msg == nil {
			select {
			case <-l.out.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		if err := l.st.Send(msg); err != nil && !errors.Is(err, io.EOF) {
			return plain(err)
		} else if err != nil {
			<-ctx.Done() // the receiver knows why
			return ctx.Err()
		}
	}
}

func (l *link) loop(ctx context.Context) error {
	l.beat = time.NewTicker(l.interval)
	defer l.beat.Stop()
	report := time.NewTicker(reportTime)
	defer report.Stop()
	var hold <-chan time.Time
	l.report()
	for {
		select {
		case msg := <-l.in:
			l.missed = 0
			if err := l.message(ctx, msg); err != nil {
				return err
			}
		case <-l.beat.C:
			if l.missed++; l.missed > l.loss {
				return fmt.Errorf("%d heartbeats of the supervisor missed", l.loss)
			}
			l.out.heartbeat()
		case ack := <-l.acks:
			l.report() // what the program has changed goes before the answer
			l.out.ack(ack)
		case <-l.a.reports:
			if hold == nil {
				hold = time.After(reportHold)
			}
		case <-hold:
			hold = nil
			l.report()
		case <-report.C:
			l.report()
			if err := l.a.saveEntries(); err != nil {
				l.a.cfg.Log.Error("entries not saved", "error", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// message takes one message. An error ends the session.
func (l *link) message(ctx context.Context, msg *api.ToCard) error {
	switch m := msg.GetM().(type) {
	case *api.ToCard_Welcome:
		return l.welcome(m.Welcome)
	case *api.ToCard_Program:
		l.a.jobs.put(&job{program: m.Program, answer: func(ack *api.Ack) {
			select {
			case l.acks <- ack:
			case <-ctx.Done():
			}
		}})
	case *api.ToCard_Query:
		l.query(ctx, m.Query)
	case *api.ToCard_Entries:
		if err := l.a.entries.merge(m.Entries); err != nil {
			return err
		}
		if taker, ok := l.a.cfg.Card.(EntryTaker); ok {
			taker.Entries(m.Entries)
		}
	}
	return nil
}

func (l *link) query(ctx context.Context, q *api.Query) {
	select {
	case l.queries <- struct{}{}:
	default:
		l.out.reply(&api.Reply{Id: q.GetId(), Error: "the card is busy"})
		return
	}
	l.work.Go(func() error {
		defer func() { <-l.queries }()
		ctx, cancel := context.WithTimeout(ctx, queryTime)
		defer cancel()
		r := &api.Reply{Id: q.GetId()}
		var err error
		if r.Reply, err = l.a.ask(ctx, q); err != nil {
			r.Reply, r.Error = nil, err.Error()
		} else if len(r.Reply) > maxReply {
			r.Reply, r.Error = nil, fmt.Sprintf("a reply of %d bytes is too long", len(r.Reply))
		}
		l.out.reply(r)
		return nil
	})
}

// ask lets the card answer; a panic there is an answer too.
func (a *Agent) ask(ctx context.Context, q *api.Query) (reply []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			a.cfg.Log.Error("panic in query", "feature", q.GetFeature(), "panic", r)
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return a.cfg.Card.Query(ctx, q.GetFeature(), q.GetRequest())
}

// report sends the sections that have changed since they were sent last.
func (l *link) report() {
	for name, data := range l.a.observe() {
		if old, ok := l.sent[name]; !ok || !bytes.Equal(old, data) {
			l.sent[name] = data
			l.out.report(name, data)
		}
	}
}

// observe has the card report; a panic there is no report, and the card goes on.
func (a *Agent) observe() map[string][]byte {
	defer func() {
		if r := recover(); r != nil {
			a.cfg.Log.Error("panic in report", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	return a.cfg.Card.Reports()
}
