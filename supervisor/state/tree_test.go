package state

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/interfaces"
	"trunkline/feature/module"
	"trunkline/feature/switchport"
	"trunkline/feature/system"
	"trunkline/feature/vlan"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// world is a supervisor as the state sees it.
type world struct {
	t       *testing.T
	running feature.Running
	modules []feature.Module
	*Store
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	w.commit(func(t tree.Tree) tree.Tree { return t })
	w.Store = New(Sources{
		Features:   []feature.Feature{interfaces.Feature, module.Feature, switchport.Feature, system.Feature, vlan.Feature},
		Running:    func() feature.Running { return w.running },
		Modules:    func() []feature.Module { return w.modules },
		Supervisor: func() feature.Supervisor { return feature.Supervisor{Started: t0, Version: "1.0(1)"} },
	})
	return w
}

func (w *world) commit(edit func(tree.Tree) tree.Tree) {
	t := edit(w.running.Tree)
	w.running = feature.Running{Tree: t, At: time.Now(), Effective: func(port string) tree.Tree { return t.Sub(feature.InterfacePath(port)) }}
}

func (w *world) module(slot int, status feature.ModuleStatus) {
	w.modules = []feature.Module{{Slot: slot, Status: status, Since: time.Now(), EverSeen: true, Host: "h"}}
}

func (w *world) report(slot int, ports ...api.PortState) {
	w.t.Helper()
	if err := w.Report(slot, api.ReportPorts, report(w.t, ports...)); err != nil {
		w.t.Fatal(err)
	}
}

// want compares a leaf with its value and time; nil means that it is not there.
func (w *world) want(path string, value any, at time.Time) {
	w.t.Helper()
	p, err := tree.Parse(path)
	if err != nil {
		w.t.Fatal(err)
	}
	got, ok := w.View().Tree().Get(p)
	switch {
	case value == nil && ok:
		w.t.Errorf("%s is %v", path, got)
	case value == nil:
	case !ok:
		w.t.Errorf("%s is not there, want %v", path, value)
	case got.(feature.Stamped).Value != value:
		w.t.Errorf("%s is %v, want %v", path, got.(feature.Stamped).Value, value)
	case !got.(feature.Stamped).At.Equal(at):
		w.t.Errorf("%s has the time %v, want %v", path, got.(feature.Stamped).At, at)
	}
}

// TestLife follows a port and its card. Times are those of the source, and stay
// while values do.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const oper = "interfaces/interface[Vethernet1]/oper/"
		second := func() time.Time { time.Sleep(time.Second); return time.Now() }
		w := newWorld(t)
		start := time.Now()
		w.want("vlans/vlan[1]/oper/name", "default", start)
		w.want("system/oper/hostname", "switch", start)
		w.want("system/oper/start-time", t0, t0)

		created := second()
		w.commit(func(t tree.Tree) tree.Tree { return t.Set(feature.InterfacePath("Vethernet1", "owner"), workload(3)) })
		second()
		w.want(oper+"oper-reason", "VEM absent", created)
		w.want(oper+"module", uint32(3), created)
		w.want("vlans/vlan[1]/oper/members", "Vethernet1", created)

		online := second()
		w.module(3, feature.ModuleOK)
		link := second()
		reported := second()
		w.report(3, api.PortState{Name: "Vethernet1", Up: true, Reason: "none", MAC: "0200.0000.0001", MTU: 9000, Since: link})
		second()
		w.report(3, api.PortState{Name: "Vethernet1", Up: true, Reason: "none", MAC: "0200.0000.0001", MTU: 9000, Since: link})
		w.want(oper+"oper-status", "up", link)
		w.want(oper+"last-change", link.UTC(), link)
		w.want(oper+"admin-status", "up", created)
		w.want(oper+"mac-address", ether.MAC{2, 0, 0, 0, 0, 1}, reported)
		w.want(oper+"mtu", uint32(9000), reported)
		w.want("vems/vem[3]/oper/status", "ok", online)

		shut := second()
		w.commit(func(t tree.Tree) tree.Tree { return t.Set(feature.InterfacePath("Vethernet1", "shutdown"), true) })
		w.want(oper+"oper-status", "down", shut)
		w.want(oper+"admin-status", "down", shut)
		w.want(oper+"oper-reason", "Administratively down", shut)
		again := second()
		w.commit(func(t tree.Tree) tree.Tree { return t.Delete(feature.InterfacePath("Vethernet1", "shutdown")) })
		w.report(3, api.PortState{Name: "Vethernet1", Up: true, Reason: "none", Since: again})
		w.want(oper+"oper-status", "up", again)
		w.want(oper+"mac-address", nil, time.Time{})
		w.want(oper+"counters/carrier-transitions", uint64(2), again)

		lost := second()
		w.Lost(3)
		w.want(oper+"oper-status", "down", lost)
		w.want(oper+"oper-reason", "VEM absent", lost)
		w.module(3, feature.ModuleAbsent)
		second()
		w.want(oper+"oper-status", "down", lost)
		w.want(oper+"counters/carrier-transitions", uint64(3), lost)
		w.want("vems/vem[3]/oper/status", "absent", lost)

		w.commit(func(t tree.Tree) tree.Tree { return t.Delete(feature.InterfacePath("Vethernet1")) })
		w.report(3)
		w.modules = nil
		tr := w.View().Tree()
		for _, gone := range []string{"interfaces", "vems", "vlans/vlan[1]/oper/members"} {
			if p, _ := tree.Parse(gone); tr.Exists(p) {
				t.Errorf("%s is still there", gone)
			}
		}
	})
}

// TestFuture does not believe a card whose clock is ahead.
func TestFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.module(3, feature.ModuleOK)
		w.report(3, api.PortState{Name: "Ethernet3/1", Up: true, Reason: "none", Since: time.Now().Add(time.Hour)})
		w.want("interfaces/interface[Ethernet3/1]/oper/last-change", time.Now().UTC().Round(0), time.Now())
	})
}

// TestWake wakes subscribers for changes, and for nothing else.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.module(3, feature.ModuleOK)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		synctest.Wait()
		wake, cancel := w.Subscribe()
		port := api.PortState{Name: "Ethernet3/1", Up: true, Reason: "none"}
		woken := func(want bool) {
			t.Helper()
			synctest.Wait()
			select {
			case <-wake:
				if !want {
					t.Error("woken for nothing")
				}
			default:
				if want {
					t.Error("not woken")
				}
			}
		}
		w.report(3, port)
		woken(true)
		port.Counters.RxOctets = 10
		w.report(3, port)
		woken(false)
		w.Lost(3)
		woken(true)
		cancel()
		port.Up = true
		w.report(3, port)
		woken(false)
		stop()
		<-done
	})
}

// TestSamples asks for counters of one, of some and of all, with the time of the
// report.
func TestSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.module(3, feature.ModuleOK)
		var ports []api.PortState
		for i := range 3 {
			p := api.PortState{Name: fmt.Sprintf("Ethernet3/%d", i+1)}
			p.Counters.RxOctets = uint64(i)
			ports = append(ports, p)
		}
		reported := time.Now()
		w.report(3, ports...)
		time.Sleep(time.Minute)
		v := w.View()
		w.report(3) // a view does not change
		all := 0
		for p, s := range v.Samples(nil) {
			if all++; p[0].Name == "interfaces" && !s.At.Equal(reported) {
				t.Errorf("%s has the time %v", p, s.At)
			}
		}
		for path, want := range map[string]int{
			"interfaces": 72, "interfaces/interface": 72, "interfaces/interface/oper/counters/in-octets": 3,
			"interfaces/interface[Ethernet3/2]": 24, "interfaces/interface[Ethernet3/2]/oper/counters/in-octets": 1,
			"interfaces/interface[Ethernet3/9]": 0, "interfaces/interface[Ethernet3/2]/oper/rates-30s": 4,
			"vems/vem[3]": 6, "system": 11, "vlans": 0, "interfaces/interface/oper/counters/in-octets/x": 0,
		} {
			at, _ := tree.Parse(path)
			n := 0
			for p, s := range v.Samples(at) {
				if n++; path == "interfaces/interface[Ethernet3/2]/oper/counters/in-octets" && (p.String() != path || s.Value != uint64(1)) {
					t.Errorf("%s: %s = %v", path, p, s.Value)
				}
			}
			if n != want {
				t.Errorf("%s: %d samples, want %d", path, n, want)
			}
		}
		if all != 72+6+11 {
			t.Errorf("%d samples in all", all)
		}
		n := 0
		for range v.Samples(nil) {
			if n++; n == 2 {
				break
			}
		}
	})
}

// TestQuiet changes each field of a port in turn: all but counters, rates and
// what others fill in make a port observed anew.
func TestQuiet(t *testing.T) {
	base := reflect.ValueOf(feature.PortState{})
	for i := range base.NumField() {
		name := base.Type().Field(i).Name
		p := reflect.New(base.Type()).Elem()
		switch f := p.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int:
			f.SetInt(7)
		case reflect.Uint32, reflect.Uint64:
			f.SetUint(7)
		default:
			switch name {
			case "MAC":
				f.Set(reflect.ValueOf(ether.MAC{2}))
			case "Since", "Cleared":
				f.Set(reflect.ValueOf(t0))
			case "Counters":
				f.Set(reflect.ValueOf(feature.Counters{RxOctets: 1}))
			case "Rates":
				f.Set(reflect.ValueOf([2]feature.Rates{{RxBits: 1}}))
			default:
				t.Fatalf("field %s is new", name)
			}
		}
		a, b := base.Interface().(feature.PortState), p.Interface().(feature.PortState)
		if got, want := quiet(&a, &b), name == "Counters" || name == "Rates"; got != want {
			t.Errorf("a port that differs in %s: quiet is %v", name, got)
		}
	}
}

// BenchmarkTree is 10,000 ports on five cards.
func BenchmarkTree(b *testing.B) {
	const cards, ports = 5, 2000
	data := make([][]byte, cards)
	on := map[string]int{}
	flap := func(up bool) {
		for c := range cards {
			var all []api.PortState
			for i := range ports {
				name := fmt.Sprintf("Vethernet%d", c*ports+i+1)
				on[name] = c + 3
				p := api.PortState{Name: name, Up: up, Reason: "none", Kind: "tap", Device: "eth0", Driver: "tap", MAC: "0200.0000.0001", MTU: 1500}
				if !up {
					p.Reason = "Link not connected"
				}
				all = append(all, p)
			}
			data[c] = report(b, all...)
		}
	}
	flap(true)
	running := configured(on)
	var modules []feature.Module
	for c := range cards {
		modules = append(modules, feature.Module{Slot: c + 3, Status: feature.ModuleOK})
	}
	s := New(Sources{
		Features: []feature.Feature{interfaces.Feature, module.Feature, switchport.Feature, system.Feature, vlan.Feature},
		Running:  func() feature.Running { return running },
		Modules:  func() []feature.Module { return modules },
	})
	reports := func(b *testing.B) {
		for c := range cards {
			if err := s.Report(c+3, api.ReportPorts, data[c]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("quiet-reports", func(b *testing.B) {
		reports(b)
		s.View()
		for b.Loop() {
			reports(b)
		}
	})
	b.Run("quiet-view", func(b *testing.B) {
		for b.Loop() {
			s.View()
		}
	})
	b.Run("all-flap", func(b *testing.B) {
		for up := false; b.Loop(); up = !up {
			b.StopTimer()
			flap(up)
			reports(b)
			b.StartTimer()
			s.View()
		}
	})
	b.Run("commit-vlan", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			running.Tree = running.Tree.Set(feature.VLANPath(10, "name"), fmt.Sprint("V", n))
			s.View()
		}
	})
	b.Run("commit-one-port", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			running.Tree = running.Tree.Set(feature.InterfacePath("Vethernet77", "description"), fmt.Sprint("V", n))
			s.View()
		}
	})
	b.Run("all-samples", func(b *testing.B) {
		v := s.View()
		for b.Loop() {
			for range v.Samples(feature.InterfacesRoot) {
			}
		}
	})
}
