package gnmi

import (
	"math"
	"strings"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/protobuf/proto"

	"trunkline/config/tree"
)

// maxBundle is the number of updates in one notification.
const maxBundle = 128

// sender makes notifications of leaves. Leaves that follow each other in one
// entry and have one timestamp share a notification, with what their paths have
// in common in its prefix.
type sender struct {
	rpc    pb.GNMI_SubscribeServer
	stuck  *time.Timer // runs while a message is being sent
	wait   time.Duration
	target string
	enc    pb.Encoding
	depth  int
	left   int               // bytes that the present round may still take, or unbounded
	hold   func(n int) error // counts bytes as held until the RPC ends

	u     *subscription
	stamp int64
	paths []tree.Path
	cells []update
}

// update is one leaf to be sent, or with a nil node a deletion.
type update struct {
	n          *node
	value      any
	duplicates uint32
}

// send sends one message. It blocks while the client does not read; see
// Subscribe.
func (o *sender) send(m *pb.SubscribeResponse) error {
	if o.left != unbounded {
		if o.left -= proto.Size(m); o.left < 0 {
			return errAnswer
		}
	}
	o.stuck.Reset(o.wait)
	defer o.stuck.Stop()
	return o.rpc.Send(m)
}

// unbounded is what left is where rounds are not bounded.
const unbounded = math.MaxInt

// sampleCost is about what it takes to remember a sample, in bytes.
const sampleCost = 256

// remember counts what a subscription has come to remember.
func (o *sender) remember(u *subscription) error {
	n := len(u.sent) - u.held
	if n <= 0 {
		return nil
	}
	u.held += n
	return o.hold(n * sampleCost)
}

func (o *sender) sync() error {
	return o.send(&pb.SubscribeResponse{Response: &pb.SubscribeResponse_SyncResponse{SyncResponse: true}})
}

// put takes one leaf or deletion.
func (o *sender) put(u *subscription, at tree.Path, stamp int64, up update) error {
	if len(o.paths) > 0 && (o.u != u || o.stamp != stamp || len(o.paths) == maxBundle || !sameEntry(o.paths[0], at)) {
		if err := o.flush(); err != nil {
			return err
		}
	}
	o.u, o.stamp = u, stamp
	o.paths, o.cells = append(o.paths, at), append(o.cells, up)
	return nil
}

// sameEntry reports whether two paths are in the same entries.
func sameEntry(a, b tree.Path) bool {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for _, rest := range []tree.Path{a[n:], b[n:]} {
		for _, e := range rest {
			if e.Key != "" {
				return false
			}
		}
	}
	return n > 0
}

// flush sends what has been taken.
func (o *sender) flush() error {
	if len(o.paths) == 0 {
		return nil
	}
	common := o.paths[0].Parent()
	for _, p := range o.paths[1:] {
		for !p.Parent().HasPrefix(common) {
			common = common.Parent()
		}
	}
	m := o.u.at.pattern.model
	elems := len(common)
	n := &pb.Notification{Timestamp: o.stamp, Prefix: &pb.Path{Origin: o.u.at.origin, Target: o.target, Elem: m.elems(common)}}
	for i, p := range o.paths {
		path := &pb.Path{Elem: m.elems(p)[elems:]}
		if up := o.cells[i]; up.n == nil {
			n.Delete = append(n.Delete, path)
		} else {
			n.Update = append(n.Update, &pb.Update{Path: path, Val: up.n.leaf.typed(up.value, o.enc), Duplicates: up.duplicates})
		}
	}
	o.paths, o.cells = nil, nil
	return o.send(&pb.SubscribeResponse{Response: &pb.SubscribeResponse_Update{Update: n}})
}

// shallow reports whether a leaf is within the depth that was asked for.
func (o *sender) shallow(base, at tree.Path) bool { return o.depth < 0 || len(at)-len(base) <= o.depth }

// each calls f for every leaf that a pattern covers, changing ones and samples.
func (o *sender) each(p *pattern, i *image, f func(n *node, at tree.Path, c cell) error) error {
	t := p.whole(i)
	var err error
	p.find(t, func(_ *node, base tree.Path) {
		for at, v := range t.Leaves(base) {
			if err != nil {
				return
			}
			if o.shallow(base, at) {
				err = f(p.model.root.at(at), at, v.(cell))
			}
		}
	})
	return err
}

// all sends every leaf of a subscription, with the time at which each value was
// taken, or with a stamp given that of now.
func (o *sender) all(u *subscription, i *image, stamp int64) error {
	err := o.each(u.at.pattern, i, func(n *node, at tree.Path, c cell) error {
		if u.sent != nil && (u.suppress || n.moving) {
			u.sent[at.String()] = c.value
		}
		if stamp != 0 {
			c.at = stamp
		}
		return o.put(u, at, c.at, update{n: n, value: c.value})
	})
	if err != nil {
		return err
	}
	return o.flush()
}

// note takes the present values as sent.
func (u *subscription) note(i *image) {
	o := &sender{depth: -1}
	_ = o.each(u.at.pattern, i, func(_ *node, at tree.Path, c cell) error { // the function does not fail
		u.sent[at.String()] = c.value
		return nil
	})
}

// due sends what a subscription has to say at a moment.
func (o *sender) due(u *subscription, i *image, moment time.Time) error {
	beat := !u.beat.IsZero() && !moment.Before(u.beat)
	if beat {
		u.beat = advance(u.beat, u.heartbeat, moment)
	}
	tick := !moment.Before(u.next)
	if tick {
		u.next = advance(u.next, u.period, moment)
	}
	var err error
	switch {
	case u.onChange:
		if err = o.changes(u, i); err == nil && beat {
			err = o.all(u, i, moment.UnixNano())
		} else if err == nil && tick && u.ticks() {
			err = o.samples(u, i, moment)
		}
	case beat || tick:
		if err = o.gone(u, i); err != nil {
			return err
		}
		if beat || !u.suppress {
			err = o.all(u, i, moment.UnixNano())
		} else {
			err = o.moved(u, i, moment)
		}
		u.last = i
	}
	if err != nil {
		return err
	}
	return o.flush()
}

// changes sends what differs from the image that was sent last.
func (o *sender) changes(u *subscription, i *image) error {
	if err := o.gone(u, i); err != nil {
		return err
	}
	p := u.at.pattern
	var err error
	for c := range tree.Diff(p.model.tree(u.last), p.model.tree(i)) {
		now, ok := c.New.(cell)
		if err != nil || !ok || !p.covers(c.Path) || !o.near(p, c.Path) {
			continue
		}
		up := update{n: p.model.root.at(c.Path), value: now.value}
		if was, ok := c.Old.(cell); ok {
			if was.value == now.value {
				continue
			}
			if now.seq > was.seq { // less when the leaf was away meanwhile
				up.duplicates = now.seq - was.seq - 1
			}
		}
		err = o.put(u, c.Path, now.at, up)
	}
	u.last = i
	return err
}

// near reports whether a leaf is within the depth asked for of what the pattern
// names.
func (o *sender) near(p *pattern, at tree.Path) bool {
	if o.depth < 0 || p.deep {
		return true
	}
	return len(at)-len(p.steps) <= o.depth
}

// gone sends deletions: one for the highest node that has gone, but none above
// what was asked for.
func (o *sender) gone(u *subscription, i *image) error {
	p := u.at.pattern
	old, new := p.model.tree(u.last), p.model.tree(i)
	told := map[string]bool{}
	stamp := now()
	for c := range tree.Diff(old, new) {
		if c.New != nil || c.Added {
			continue
		}
		covered := p.covers(c.Path)
		if c.Old == nil {
			if err := o.forget(u, c.Path, stamp, !covered); err != nil {
				return err
			}
		}
		if !covered {
			continue
		}
		top := c.Path
		for len(top) > 1 && p.covers(top.Parent()) && !new.Exists(top.Parent()) {
			top = top.Parent()
		}
		if text := top.String(); !told[text] {
			told[text] = true
			if err := o.put(u, top, stamp, update{}); err != nil {
				return err
			}
		}
		delete(u.sent, c.Path.String())
	}
	return nil
}

// forget lets go of the samples of an entry that has gone; they are in no tree.
func (o *sender) forget(u *subscription, entry tree.Path, stamp int64, tell bool) error {
	below := entry.String() + "/"
	for text := range u.sent {
		if !strings.HasPrefix(text, below) {
			continue
		}
		delete(u.sent, text)
		at, err := tree.Parse(text)
		if err != nil || !tell {
			continue // what cannot be read was never sent
		}
		if err := o.put(u, at, stamp, update{}); err != nil {
			return err
		}
	}
	return nil
}

// samples sends the leaves that move all the time: all, or those that have
// moved.
func (o *sender) samples(u *subscription, i *image, moment time.Time) error {
	p := u.at.pattern
	var err error
	for at, c := range p.model.samples(i, p.fixed) {
		if err != nil || !p.covers(at) || !o.near(p, at) {
			continue
		}
		text := at.String()
		was, known := u.sent[text]
		if known && was == c.value && u.changed {
			continue
		}
		u.sent[text] = c.value
		stamp := c.at
		if known && was == c.value {
			stamp = moment.UnixNano()
		}
		err = o.put(u, at, stamp, update{n: p.model.root.at(at), value: c.value})
	}
	return err
}

// moved sends the leaves of a sample whose values are not those sent last.
func (o *sender) moved(u *subscription, i *image, moment time.Time) error {
	return o.each(u.at.pattern, i, func(n *node, at tree.Path, c cell) error {
		text := at.String()
		if was, ok := u.sent[text]; ok && was == c.value {
			return nil
		}
		u.sent[text] = c.value
		return o.put(u, at, moment.UnixNano(), update{n: n, value: c.value})
	})
}
