package gnmi_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/ethernet"
	"trunkline/feature/interfaces"
	"trunkline/feature/module"
	"trunkline/feature/portprofile"
	"trunkline/feature/switchport"
	"trunkline/feature/system"
	"trunkline/feature/vethernet"
	"trunkline/feature/vlan"
	"trunkline/gnmi"
	"trunkline/linecard/api"
	"trunkline/supervisor/pki"
	"trunkline/supervisor/state"
)

var features = []feature.Feature{
	system.Feature, module.Feature, vlan.Feature, portprofile.Feature, interfaces.Feature, switchport.Feature,
	ethernet.Feature, vethernet.Feature,
}

// world is a server with everything behind it but cards.
type world struct {
	store  *config.Store
	state  *state.Store
	server *gnmi.Server
	client pb.GNMIClient
	addr   string
	slow   chan struct{} // if not nil, commits wait for it to be closed

	mu    sync.Mutex
	cards []feature.Module
}

// users has one of each role; the password is the name.
type users struct{}

func (users) Password(_ context.Context, user, password, _ string) (feature.Identity, error) {
	id, ok := users{}.Lookup(user)
	if !ok || password != user {
		return feature.Identity{}, errors.New("denied")
	}
	return id, nil
}

func (users) PublicKey(context.Context, string, []byte, string) (feature.Identity, error) {
	return feature.Identity{}, errors.New("denied")
}

func (users) Lookup(user string) (feature.Identity, bool) {
	role, ok := map[string]feature.Role{"admin": feature.NetworkAdmin, "guest": feature.NetworkOperator}[user]
	return feature.Identity{User: user, Role: role}, ok
}

// lines is origin cli for tests: the one line it knows sets the host name.
type lines struct{}

func (lines) Show(_ context.Context, _ feature.Session, line string, structure bool) (text, json []byte, err error) {
	switch {
	case line != "show version":
		return nil, nil, feature.Error("% Invalid command")
	case structure:
		return nil, []byte(`{"version":"1"}`), nil
	}
	return []byte("version 1\n"), nil, nil
}

// May and MayRun are those of built-in roles.
func (lines) May(_ context.Context, who feature.Session, from, to tree.Tree) error {
	if !who.Role.Admin() && !from.Equal(to) {
		return feature.ErrPermission
	}
	return nil
}

func (lines) MayRun(_ context.Context, who feature.Session, _ string) error {
	if !who.Role.Admin() {
		return feature.ErrPermission
	}
	return nil
}

func (lines) Apply(c *config.Candidate, text string) error {
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "hostname ")
		if !ok {
			return feature.Error("line: " + line)
		}
		if err := c.Apply(config.Edit{Op: config.Set, Path: tree.Path{{Name: "system"}, {Name: "hostname"}}, Value: name}); err != nil {
			return err
		}
	}
	return nil
}

func groups() (config, state *schema.Schema, err error) {
	var a, b []schema.Group
	for _, f := range features {
		a, b = append(a, f.Schema), append(b, f.State)
	}
	if config, err = schema.Compile(a...); err != nil {
		return nil, nil, err
	}
	state, err = schema.CompileState(config, b...)
	return config, state, err
}

// build makes the world without a network.
func build(t testing.TB) *world {
	t.Helper()
	return buildWith(t, users{})
}

func buildWith(t testing.TB, who feature.Authenticator) *world {
	t.Helper()
	sch, operational, err := groups()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	check := func(old, new tree.Tree) []schema.Problem {
		c := feature.Candidate{
			Old: old, New: new, Effective: effective.New(sch, new).Port,
			Attached: func(string) int { return 0 }, Online: func(int) bool { return false },
		}
		var all []schema.Problem
		for _, f := range features {
			if f.Check != nil {
				all = append(all, f.Check(c)...)
			}
		}
		return all
	}
	backend := &configtest.Backend{}
	if w.store, err = config.Open(context.Background(), sch, backend, config.Hooks{Check: check, Settle: func(context.Context, config.Snapshot) {
		if w.slow != nil {
			<-w.slow
		}
		w.state.Poke()
	}}, tree.Tree{}); err != nil {
		t.Fatal(err)
	}
	w.state = state.New(state.Sources{
		Features: features,
		Running: func() feature.Running {
			now := w.store.Running()
			return feature.Running{Tree: now.Tree, At: now.At, Effective: effective.New(sch, now.Tree).Port}
		},
		Modules: func() []feature.Module {
			w.mu.Lock()
			defer w.mu.Unlock()
			return append([]feature.Module(nil), w.cards...)
		},
		Supervisor: func() feature.Supervisor {
			return feature.Supervisor{Started: began, Boot: began, Version: "1.0(1)", GUID: "g", Serial: "s"}
		},
	})
	if w.server, err = gnmi.New(gnmi.Config{
		Store: w.store, State: operational, Observer: w.state, Users: who, CLI: lines{}, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// start serves the world over TLS on loopback, with one card of two ports.
func start(t testing.TB) *world {
	t.Helper()
	return startWith(t, users{})
}

func startWith(t testing.TB, who feature.Authenticator) *world {
	t.Helper()
	w := buildWith(t, who)
	cert, err := pki.Service(t.TempDir()+"/gnmi.pem", "switch")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { w.state.Run(ctx) })
	wg.Go(func() {
		if err := w.server.Serve(ctx, &tls.Config{Certificates: []tls.Certificate{cert}}, []net.Listener{l}, nil); err != nil {
			t.Error(err)
		}
	})
	go func() { wg.Wait(); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	w.client = pb.NewGNMIClient(w.dial(t))
	w.card(3)
	w.ports(t, 3, map[string]bool{"Ethernet3/1": true, "Ethernet3/2": false})
	return w
}

func (w *world) dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(w.addr, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// card makes a line card known.
func (w *world) card(slot int) {
	w.mu.Lock()
	w.cards = append(w.cards, feature.Module{
		Slot: slot, Status: feature.ModuleOK, EverSeen: true, UUID: "u", Host: "host-a", Version: "1.0(1)", Since: began,
	})
	w.mu.Unlock()
	w.state.Poke()
}

// ports has a card report ports, up or not.
func (w *world) ports(t testing.TB, slot int, up map[string]bool) {
	t.Helper()
	var r api.PortReport
	for name, up := range up {
		reason := "none"
		if !up {
			reason = "Link not connected"
		}
		r.Ports = append(r.Ports, api.PortState{
			Name: name, Up: up, Reason: reason, MTU: 1500, Mbps: 10000, MAC: "0001.0203.0405", Since: time.Now().UTC(),
			Counters: api.Counters{RxUnicast: 7, RxOctets: 1 << 40},
		})
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.state.Report(slot, api.ReportPorts, b); err != nil {
		t.Fatal(err)
	}
}

// as is the context of a user.
func as(user string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "username", user, "password", user)
}

// path reads "origin:/a/b[k=v]/c" for tests.
func path(text string) *pb.Path {
	p := &pb.Path{}
	if origin, rest, ok := strings.Cut(text, ":/"); ok && !strings.Contains(origin, "/") {
		p.Origin, text = origin, "/"+rest
	}
	depth := 0
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		}
		return c == '/' && depth == 0
	}) {
		name, keys, _ := strings.Cut(part, "[")
		e := &pb.PathElem{Name: name}
		for kv := range strings.SplitSeq(strings.TrimSuffix(keys, "]"), "][") {
			if k, v, ok := strings.Cut(kv, "="); ok {
				if e.Key == nil {
					e.Key = map[string]string{}
				}
				e.Key[k] = v
			}
		}
		p.Elem = append(p.Elem, e)
	}
	return p
}

func text(p *pb.Path) string {
	var b strings.Builder
	for _, e := range p.GetElem() {
		b.WriteString("/" + e.GetName())
		for k, v := range e.GetKey() {
			fmt.Fprintf(&b, "[%s=%s]", k, v)
		}
	}
	return b.String()
}

func jsonVal(s string) *pb.TypedValue {
	return &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: []byte(s)}}
}

func ietfVal(s string) *pb.TypedValue {
	return &pb.TypedValue{Value: &pb.TypedValue_JsonIetfVal{JsonIetfVal: []byte(s)}}
}

func stringVal(s string) *pb.TypedValue {
	return &pb.TypedValue{Value: &pb.TypedValue_StringVal{StringVal: s}}
}

func asciiVal(s string) *pb.TypedValue {
	return &pb.TypedValue{Value: &pb.TypedValue_AsciiVal{AsciiVal: s}}
}

func uintVal(n uint64) *pb.TypedValue {
	return &pb.TypedValue{Value: &pb.TypedValue_UintVal{UintVal: n}}
}

func boolVal(b bool) *pb.TypedValue {
	return &pb.TypedValue{Value: &pb.TypedValue_BoolVal{BoolVal: b}}
}

func update(p string, v *pb.TypedValue) *pb.Update { return &pb.Update{Path: path(p), Val: v} }

// show writes a value as tests compare it.
func show(v *pb.TypedValue) string {
	switch x := v.GetValue().(type) {
	case *pb.TypedValue_JsonVal:
		return string(x.JsonVal)
	case *pb.TypedValue_JsonIetfVal:
		return string(x.JsonIetfVal)
	case *pb.TypedValue_StringVal:
		return x.StringVal
	case *pb.TypedValue_AsciiVal:
		return x.AsciiVal
	case *pb.TypedValue_UintVal:
		return fmt.Sprint(x.UintVal)
	case *pb.TypedValue_BoolVal:
		return fmt.Sprint(x.BoolVal)
	}
	return v.String()
}

// get reads one path in an encoding: its updates, one a line.
func (w *world) get(t testing.TB, p string, enc pb.Encoding, typ pb.GetRequest_DataType) string {
	t.Helper()
	r, err := w.client.Get(as("guest"), &pb.GetRequest{Path: []*pb.Path{path(p)}, Encoding: enc, Type: typ})
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, n := range r.GetNotification() {
		for _, u := range n.GetUpdate() {
			out = append(out, text(u.GetPath())+" "+show(u.GetVal()))
		}
	}
	return strings.Join(out, "\n")
}

// value is the value of a leaf in JSON.
func (w *world) value(t testing.TB, p string) string {
	t.Helper()
	_, v, _ := strings.Cut(w.get(t, p, pb.Encoding_JSON, pb.GetRequest_ALL), " ")
	return v
}

func (w *world) set(t testing.TB, r *pb.SetRequest) *pb.SetResponse {
	t.Helper()
	out, err := w.client.Set(as("admin"), r)
	if err != nil {
		t.Fatalf("Set: %v", err)
	}
	return out
}

func asPassword(user, password string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "username", user, "password", password)
}

// eventually waits for a condition.
func eventually(t testing.TB, ok func() bool, what string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(what)
		}
	}
}
