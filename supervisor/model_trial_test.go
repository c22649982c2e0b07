package supervisor

import (
	"context"
	"fmt"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/protobuf/types/known/durationpb"

	"trunkline/config"
	"trunkline/feature"
)

// onTrial is a confirmed commit that waits: nothing else is committed, and what
// is not confirmed goes.
type onTrial struct {
	id       string
	session  string // that made it, "" for none
	back     plain
	deadline time.Time
}

// free reports whether operators may commit.
func (d *modelled) free() bool { return d.pending == nil }

func (d *modelled) begin(t onTrial, within time.Duration) {
	d.counts["trial"]++
	t.deadline = d.clock.Now().Add(within)
	d.pending = &t
}

func (d *modelled) confirmed() {
	d.counts["confirmed"]++
	d.pending = nil
}

// onCommit is a request with the commit extension (gnmi.md §1.7).
func onCommit(r *pb.SetRequest, c *gnmi_ext.Commit, id string) *pb.SetRequest {
	c.Id = id
	r.Extension = []*gnmi_ext.Extension{{Ext: &gnmi_ext.Extension_Commit{Commit: c}}}
	return r
}

func confirm(id string) *pb.SetRequest {
	return onCommit(&pb.SetRequest{}, &gnmi_ext.Commit{Action: &gnmi_ext.Commit_Confirm{Confirm: &gnmi_ext.CommitConfirm{}}}, id)
}

func cancel(id string) *pb.SetRequest {
	return onCommit(&pb.SetRequest{}, &gnmi_ext.Commit{Action: &gnmi_ext.Commit_Cancel{Cancel: &gnmi_ext.CommitCancel{}}}, id)
}

func prolong(id string, within time.Duration) *pb.SetRequest {
	return onCommit(&pb.SetRequest{}, &gnmi_ext.Commit{Action: &gnmi_ext.Commit_SetRollbackDuration{
		SetRollbackDuration: &gnmi_ext.CommitSetRollbackDuration{RollbackDuration: durationpb.New(within)},
	}}, id)
}

// trial makes a confirmed commit by a random door, and while one is pending tries
// to. Sessions make theirs in session.
func (d *modelled) trial(file string) {
	ok, back := d.free(), d.m
	if was, there := d.files[file]; there && d.r.IntN(2) == 0 {
		within := time.Duration(30+d.r.IntN(3571)) * time.Second
		how := []string{"", " best-effort"}[d.r.IntN(2)]
		d.type1(ok, fmt.Sprintf("configure replace volatile:%s%s commit-timeout %d non-interactive", file, how, within/time.Second))
		if ok {
			d.counts["trial of a replacement"]++
			d.begin(onTrial{id: "configure replace", back: back}, within)
			d.m = was
		}
		return
	}
	o := draw(d.r, false)
	req, can := d.request(o)
	if !can {
		return
	}
	within, id := time.Duration(1+d.r.IntN(7*24*3600))*time.Second, fmt.Sprint("x", d.r.IntN(3))
	ok = ok && d.m.allowed(o)
	d.set(ok, onCommit(req, &gnmi_ext.Commit{Action: &gnmi_ext.Commit_Commit{
		Commit: &gnmi_ext.CommitRequest{RollbackDuration: durationpb.New(within)},
	}}, id))
	if !ok {
		return
	}
	d.counts["trial of a Set"]++
	if o.how == "no" { // which request says as the value
		o.how, o.value = "set", "false"
	}
	d.begin(onTrial{id: id, back: back}, within)
	d.m = d.m.with(o)
}

// onTrial is something that only happens while a confirmed commit is pending.
func (d *modelled) onTrial() {
	t := d.pending
	left := t.deadline.Sub(d.clock.Now())
	byGNMI := d.r.IntN(2) == 0
	switch d.r.IntN(9) {
	case 0, 1: // in time
		switch {
		case t.id == "configure replace" && !byGNMI:
			d.type1(true, "configure replace commit")
		case t.session != "" && !byGNMI && !d.inSession(t.session):
			d.type1(true, "configure session "+t.session, "commit")
		default:
			d.set(true, confirm(t.id))
		}
		d.confirmed()
	case 2, 3:
		d.clock.Advance(left + time.Duration(d.r.IntN(2))*time.Hour)
		d.expired()
	case 4:
		d.clock.Advance(left - 1) // not yet
	case 5:
		d.counts["cancelled"]++
		d.set(true, cancel(t.id))
		d.m, d.pending = t.back, nil
	case 6: // with the clock where an older deadline would be over
		d.counts["prolonged"]++
		within := left + time.Duration(1+d.r.IntN(3600))*time.Second
		if within > config.MaxTrial {
			within = config.MaxTrial
		}
		d.set(true, prolong(t.id, within))
		t.deadline = d.clock.Now().Add(within)
		d.clock.Advance(within - 1)
	case 7:
		d.set(false, confirm("another"))
		d.set(false, cancel("another"))
		d.type1(false, "copy running-config startup-config")
		if t.id != "configure replace" {
			d.type1(false, "configure replace commit")
		}
	case 8:
		d.bySystem()
	}
}

func (d *modelled) inSession(name string) bool {
	_, open := d.base[name]
	return open
}

// expired waits until what was not confirmed has gone.
func (d *modelled) expired() {
	d.t.Helper()
	d.counts["expired"]++
	deadline := time.Now().Add(10 * time.Second)
	for _, pending := d.s.config.Trial(); pending; _, pending = d.s.config.Trial() {
		if time.Now().After(deadline) {
			d.fail("a confirmed commit is still pending")
		}
		time.Sleep(time.Millisecond) // a poll of the condition
	}
	d.log = append(d.log, "(expired)")
	d.m, d.pending = d.pending.back, nil
}

// bySystem is a commit of the product itself, which nothing holds up: it is in
// what runs and in what comes back.
func (d *modelled) bySystem() {
	d.t.Helper()
	d.counts["by the system"]++
	port := fmt.Sprint("Vethernet", 1+d.r.IntN(3))
	o := op{entry: "interfaces/interface[" + port + "]", leaf: "description", value: fmt.Sprint("seen ", d.r.IntN(100)), how: "set"}
	c := d.s.config.Begin()
	err := c.Apply(config.Edit{Op: config.Set, Path: feature.InterfacePath(port, "description"), Value: o.value})
	if err == nil {
		_, err = d.s.config.Commit(context.Background(), c, config.Meta{User: "system", Method: config.MethodSystem})
	}
	if d.log = append(d.log, fmt.Sprintf("(system: %s %s)", o.entry, o.value)); err != nil {
		d.fail("a commit of the product itself: %v", err)
	}
	d.m, d.pending.back = d.m.with(o), d.pending.back.with(o)
}
