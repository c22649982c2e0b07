package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"

	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

// plain is a configuration as the model has it: text by path. An entry is its
// path with "".
type plain map[string]string

// op is one edit of the model, and how it is said.
type op struct {
	entry string // path of the entry
	leaf  string // below it, "" for the entry itself
	value string // of a leaf
	how   string // set, no, delete
	mode  string // the line that enters the entry's mode, "" for a global line
	line  string
}

// The defaults of the model's leaves; "" for none.
var (
	defaults = map[string]string{
		"state": "active", "shutdown": "false", "switchport/access-vlan": "1", "switchport/mode": "access",
		"switchport/trunk/allowed-vlans": "1-4094", "hostname": "",
	}
	ofProfile = map[string]string{"state": "disabled", "shutdown": "true"}
	numbers   = map[string]bool{"switchport/access-vlan": true}
)

func (o op) def() string {
	if d, ok := ofProfile[o.leaf]; ok && strings.HasPrefix(o.entry, "port-profiles/") {
		return d
	}
	return defaults[o.leaf]
}

// supplied is what the port-profile of a port gives a leaf, "" for what it has
// anyway.
func (p plain) supplied(o op) string {
	profile := p[o.entry+"/inherit"]
	if profile == "" || !strings.HasPrefix(o.leaf, "switchport/") && o.leaf != "shutdown" {
		return ""
	}
	v, ok := p["port-profiles/port-profile["+profile+"]/"+o.leaf]
	if !ok && o.leaf == "shutdown" {
		v = "true"
	}
	if v == o.def() {
		return ""
	}
	return v
}

// with is the configuration after an edit.
func (p plain) with(o op) plain {
	p = maps.Clone(p)
	at := o.entry + "/" + o.leaf
	switch {
	case o.leaf == "" && o.how == "set":
		p[o.entry] = ""
		return p
	case o.leaf == "":
		for k := range p {
			if k == o.entry || strings.HasPrefix(k, o.entry+"/") {
				delete(p, k)
			}
		}
		return p
	case o.entry != "system":
		if _, there := p[o.entry]; !there && o.how == "no" {
			return p // no line of a mode that is not there
		}
		p[o.entry] = ""
	}
	v := o.value
	if o.how == "no" {
		if v = "no"; o.leaf == "shutdown" {
			v = "false"
		}
	}
	if p[at] = v; (v == o.def() || v == "no") && p.supplied(o) == "" || o.how == "delete" {
		delete(p, at)
	}
	return p.settled()
}

// settled leaves no default and no form at a port that no port-profile needs.
func (p plain) settled() plain {
	for k, v := range p {
		entry, leaf, in := strings.Cut(k, "]/")
		o := op{entry: entry + "]", leaf: leaf}
		if in && strings.HasPrefix(k, "interfaces/") && (v == "no" || v == o.def()) && p.supplied(o) == "" {
			delete(p, k)
		}
	}
	return p
}

// draw is a random edit. Most are good; references to what is not there are
// refused, and so is the removal of what is referred to.
func draw(r *rand.Rand, only bool) op {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	kind := r.IntN(10)
	if only && kind > 5 {
		kind -= 6
	}
	leaf := func(entry, mode, leaf, line, value string) op {
		o := op{entry: entry, mode: mode, leaf: leaf, value: value, how: "set", line: line + " " + value}
		if r.IntN(4) == 0 {
			o.how, o.value, o.line = "no", "", "no "+line
		}
		return o
	}
	flag := func(entry, mode string) op {
		if r.IntN(2) == 0 {
			return op{entry: entry, mode: mode, leaf: "shutdown", value: "true", how: "set", line: "shutdown"}
		}
		return op{entry: entry, mode: mode, leaf: "shutdown", how: "no", line: "no shutdown"}
	}
	port := func(entry, mode string) op {
		switch r.IntN(4) {
		case 0:
			return leaf(entry, mode, "switchport/access-vlan", "switchport access vlan", pick("1", "2", "3", "4"))
		case 1:
			return leaf(entry, mode, "switchport/mode", "switchport mode", pick("access", "trunk"))
		case 2:
			return leaf(entry, mode, "switchport/trunk/allowed-vlans", "switchport trunk allowed vlan", pick("1-4094", "2-4", "3,7"))
		}
		return flag(entry, mode)
	}
	n := strconv.Itoa(2 + r.IntN(5))
	vlan := "vlans/vlan[" + n + "]"
	switch kind {
	case 0:
		return leaf("system", "", "hostname", "hostname", pick("red", "green", "blue"))
	case 1:
		if r.IntN(2) == 0 {
			return op{entry: vlan, how: "delete", line: "no vlan " + n}
		}
		return op{entry: vlan, how: "set", line: "vlan " + n}
	case 2, 3:
		return leaf(vlan, "vlan "+n, "name", "name", pick("a", "b", "c")+n)
	case 4:
		return leaf(vlan, "vlan "+n, "state", "state", pick("active", "suspend"))
	case 5:
		return flag(vlan, "vlan "+n)
	}
	n = strconv.Itoa(1 + r.IntN(3))
	veth, profile := "interfaces/interface[Vethernet"+n+"]", "port-profiles/port-profile[P"+n+"]"
	switch kind {
	case 6:
		if r.IntN(3) == 0 {
			if r.IntN(2) == 0 {
				return op{entry: profile, how: "delete", line: "no port-profile P" + n}
			}
			return op{entry: veth, how: "delete", line: "no interface vethernet " + n}
		}
		return leaf(veth, "interface vethernet "+n, "inherit", "inherit port-profile", pick("P1", "P2", "P3"))
	case 7:
		return port(veth, "interface vethernet "+n)
	case 8:
		return port(profile, "port-profile P"+n)
	}
	return leaf(veth, "interface vethernet "+n, "description", "description", pick("x", "y z", "no \"way\""))
}

// allowed reports whether the product takes an edit.
func (p plain) allowed(o op) bool {
	next := p.with(o)
	for k, v := range next {
		if strings.HasSuffix(k, "/inherit") {
			if _, ok := next["port-profiles/port-profile["+v+"]"]; !ok {
				return false
			}
		}
	}
	return true
}

// conflict reports whether two changes of a base touch the same and differ.
func conflict(base, mine, theirs plain) bool {
	changed := func(k string, of plain) bool {
		was, a := base[k]
		is, b := of[k]
		return was != is || a != b
	}
	all := maps.Clone(base)
	maps.Copy(all, mine)
	maps.Copy(all, theirs)
	for k := range all {
		m, inMine := mine[k]
		th, inTheirs := theirs[k]
		if changed(k, mine) && changed(k, theirs) && (m != th || inMine != inTheirs) {
			return true
		}
		entry, _, in := strings.Cut(k, "]/")
		if entry += "]"; !in {
			continue
		}
		_, was := base[entry]
		_, m1 := mine[entry]
		_, t1 := theirs[entry]
		if was && !m1 && t1 && changed(k, theirs) || was && !t1 && m1 && changed(k, mine) {
			return true
		}
	}
	return false
}

// modelled is the product beside the model.
type modelled struct {
	*doors
	r           *rand.Rand
	m           plain
	checkpoints map[string]plain
	files       map[string]plain
	base        map[string]plain // of sessions
	edits       map[string][]op
	clock       *configtest.Clock
	pending     *onTrial // nil for none
	log         []string
	counts      map[string]int
}

func (d *modelled) fail(format string, args ...any) {
	d.t.Helper()
	d.t.Fatalf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(d.log[max(0, len(d.log)-12):], "\n  "))
}

func (d *modelled) type1(want bool, parts ...string) {
	d.t.Helper()
	line := strings.Join(parts, "\n")
	d.log = append(d.log, strings.Join(parts, " ; "))
	if out, ok := lines(d.t, d.s, "terminal dont-ask\n"+line); ok != want {
		d.fail("%q: accepted %v, want %v: %s", line, ok, want, out)
	}
}

func (d *modelled) set(want bool, r *pb.SetRequest) {
	d.t.Helper()
	d.log = append(d.log, r.String())
	if _, err := d.gnmi.Set(context.Background(), r); (err == nil) != want {
		d.fail("%v: %v, want %v", r, err, want)
	}
}

// keyNames are the keys of the lists of the model.
var keyNames = map[string]string{"vlans/vlan": "id", "interfaces/interface": "name", "port-profiles/port-profile": "name"}

func withKey(entry string) string {
	list, key, ok := strings.Cut(entry, "[")
	if !ok {
		return entry
	}
	return list + "[" + keyNames[list] + "=" + key
}

func jsonOf(leaf, v string) string {
	if numbers[leaf] || leaf == "shutdown" {
		return v
	}
	return strconv.Quote(v)
}

// request is an edit as a Set; false where the model has no word for it: the no
// form that hides what a port-profile supplies.
func (d *modelled) request(o op) (*pb.SetRequest, bool) {
	path := modelPath(withKey(o.entry) + strings.TrimSuffix("/"+o.leaf, "/"))
	value := func(text string) *pb.SetRequest {
		return &pb.SetRequest{Update: []*pb.Update{{Path: path, Val: &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: []byte(text)}}}}}
	}
	switch {
	case o.leaf == "" && o.how == "set":
		return value("{}"), true
	case o.leaf == "":
		return &pb.SetRequest{Delete: []*pb.Path{path}}, true
	case o.how == "set":
		return value(jsonOf(o.leaf, o.value)), true
	case o.leaf == "shutdown":
		return value("false"), true
	}
	return nil, false
}

// commit makes one edit through a random door.
func (d *modelled) commit(o op) {
	ok := d.free() && d.m.allowed(o)
	if req, can := d.request(o); can && d.r.IntN(3) == 0 {
		d.counts["gNMI"]++
		d.set(ok, req)
		if o.how == "no" {
			o.how, o.value = "set", "false"
		}
	} else if o.mode != "" {
		d.counts["line"]++
		// The line of the mode makes the entry, whether its own is refused or not.
		d.type1(ok, "configure terminal", o.mode, o.line)
		if d.free() {
			d.m = d.m.with(op{entry: o.entry, how: "set"})
		}
	} else {
		d.counts["line"]++
		// To enter the mode of an entry that is there, or to remove one that is not,
		// is no commit.
		_, there := d.m[o.entry]
		d.type1(ok || o.leaf == "" && there == (o.how == "set"), "configure terminal", o.line)
	}
	if ok {
		d.m = d.m.with(o)
	}
}

func (d *modelled) step() {
	if d.pending != nil && d.r.IntN(3) == 0 {
		d.onTrial()
		return
	}
	names := []string{"c1", "c2", "c3"}
	name := names[d.r.IntN(len(names))]
	switch kind := d.r.IntN(40); {
	case kind < 24:
		d.commit(draw(d.r, false))
	case kind < 27:
		d.counts["checkpoint"]++
		_, there := d.checkpoints[name]
		if there {
			d.type1(true, "no checkpoint "+name)
			delete(d.checkpoints, name)
		} else {
			d.checkpoints[name] = d.m
			d.type1(true, "checkpoint "+name)
		}
	case kind < 29:
		d.counts["rollback"]++
		was, there := d.checkpoints[name]
		how := []string{"atomic", "best-effort", "stop-at-first-failure"}[d.r.IntN(3)]
		d.restore(was, there, "rollback running-config checkpoint "+name+" "+how)
	case kind < 31: // replaced by a file, or written to one
		d.counts["replace"]++
		if was, there := d.files[name]; there && d.r.IntN(2) == 0 {
			d.restore(was, true, "configure replace volatile:"+name+" non-interactive")
		} else {
			d.type1(true, "copy running-config volatile:"+name)
			d.files[name] = d.m
		}
	case kind < 32: // a list replaced by JSON
		d.counts["gNMI replace"]++
		was, there := d.files[name]
		if !there {
			return
		}
		d.replaceVLANs(was)
	case kind < 38:
		d.session([]string{"s1", "s2", "s3"}[d.r.IntN(3)])
	default:
		d.trial(name)
	}
}

// restore goes back to a configuration, if there is one: nothing of it is a
// commit where that is what runs.
func (d *modelled) restore(was plain, there bool, line string) {
	ok := there && (d.free() || maps.Equal(d.m, was))
	if d.type1(ok, line); ok {
		d.m = was
	}
}

// replaceVLANs sets the VLANs of another configuration.
func (d *modelled) replaceVLANs(was plain) {
	entries := map[string]map[string]any{}
	for k, v := range was {
		rest, ok := strings.CutPrefix(k, "vlans/vlan[")
		if !ok {
			continue
		}
		id, leaf, in := strings.Cut(rest, "]/")
		id = strings.TrimSuffix(id, "]")
		if entries[id] == nil {
			entries[id] = map[string]any{"id": json.Number(id)}
		}
		if in {
			entries[id][leaf] = json.RawMessage(jsonOf(leaf, v))
		}
	}
	list := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		list = append(list, entries[id])
	}
	text, err := json.Marshal(map[string]any{"vlan": list})
	if err != nil {
		d.t.Fatal(err)
	}
	d.set(d.free(), &pb.SetRequest{Replace: []*pb.Update{{
		Path: modelPath("vlans"), Val: &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: text}},
	}}})
	if !d.free() {
		return
	}
	d.m = maps.Clone(d.m)
	maps.DeleteFunc(d.m, func(k, _ string) bool { return strings.HasPrefix(k, "vlans/") })
	for k, v := range was {
		if strings.HasPrefix(k, "vlans/") {
			d.m[k] = v
		}
	}
}

// session adds a line to a named session, or ends it.
func (d *modelled) session(name string) {
	d.counts["session"]++
	enter := "configure session " + name
	base, open := d.base[name]
	if !open || d.r.IntN(3) > 0 {
		o := draw(d.r, true)
		mine := base
		if !open {
			d.base[name], mine = d.m, d.m
		}
		for _, e := range d.edits[name] {
			mine = mine.with(e)
		}
		if o.mode != "" {
			d.type1(true, enter, o.mode, o.line)
			if _, there := mine[o.entry]; !there {
				d.edits[name] = append(d.edits[name], op{entry: o.entry, how: "set"})
			}
			d.edits[name] = append(d.edits[name], o)
		} else {
			d.type1(true, enter, o.line)
			if _, there := mine[o.entry]; o.leaf != "" || there != (o.how == "set") {
				d.edits[name] = append(d.edits[name], o)
			}
		}
		return
	}
	mine, next := base, d.m
	for _, e := range d.edits[name] {
		mine, next = mine.with(e), next.with(e)
	}
	clash := conflict(base, mine, d.m)
	minutes := 1 + d.r.IntN(60)
	switch {
	case d.pending != nil:
		d.counts["held"]++
		d.type1(false, enter, "commit")
		return
	case clash:
		d.counts["conflict"]++
		d.type1(false, enter, "commit")
		d.type1(true, enter, "abort")
	case d.r.IntN(3) == 0:
		d.counts["trial of a session"]++
		d.type1(true, enter, fmt.Sprint("commit confirmed ", minutes))
		d.begin(onTrial{id: "session " + name, session: name, back: d.m}, time.Duration(minutes)*time.Minute)
		d.m = next
	default:
		d.type1(true, enter, "commit")
		d.m = next
	}
	delete(d.base, name)
	delete(d.edits, name)
}

// ours leaves what the model knows.
func ours(p plain) plain {
	maps.DeleteFunc(p, func(k, _ string) bool {
		return strings.Contains(k, "[Unused_") || k != "system/hostname" && !strings.HasPrefix(k, "vlans/") &&
			!strings.HasPrefix(k, "interfaces/") && !strings.HasPrefix(k, "port-profiles/")
	})
	return p
}

func flat(s *schema.Schema, t tree.Tree) plain {
	p := plain{}
	for c := range tree.Diff(tree.Tree{}, t) {
		switch c.New {
		case nil:
			if c.Path[len(c.Path)-1].Key != "" {
				p[c.Path.String()] = ""
			}
		case schema.No:
			p[c.Path.String()] = "no"
		default:
			p[c.Path.String()] = s.Leaf(c.Path).Type.FormatText(c.New)
		}
	}
	return ours(p)
}

// flatJSON is what JSON says, by the same paths.
func flatJSON(p plain, names, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, sub := range v {
			_, name, _ = strings.Cut(":"+name, ":")
			if i := strings.LastIndexByte(name, ':'); i >= 0 {
				name = name[i+1:]
			}
			if key := keyNames[names]; key == name {
				continue
			}
			flatJSON(p, strings.TrimPrefix(names+"/"+name, "/"), strings.TrimPrefix(at+"/"+name, "/"), sub)
		}
	case []any:
		if len(v) == 1 && v[0] == nil {
			p[at] = "no"
			return
		}
		for _, e := range v {
			entry, ok := e.(map[string]any)
			key, known := keyNames[names]
			if !ok || !known {
				continue // of lists that the model has not
			}
			place := fmt.Sprintf("%s[%v]", at, entry[key])
			p[place] = ""
			flatJSON(p, names, place, entry)
		}
	default:
		p[at] = fmt.Sprint(v)
	}
}

func (d *modelled) differ(what string, got plain) {
	d.t.Helper()
	if maps.Equal(got, d.m) {
		return
	}
	for k, v := range got {
		if w, ok := d.m[k]; !ok || v != w {
			d.t.Errorf("%s: %s = %q, want %q, %v", what, k, v, w, ok)
		}
	}
	for k, v := range d.m {
		if _, ok := got[k]; !ok {
			d.t.Errorf("%s: no %s, want %q", what, k, v)
		}
	}
	d.fail("%s differs", what)
}

// compare holds the tree, its text and its JSON against the model.
func (d *modelled) compare() {
	d.t.Helper()
	sch := d.s.config.Schema()
	d.differ("the tree", flat(sch, d.s.config.Running().Tree))
	out, ok := lines(d.t, d.s, "terminal length 0\nshow running-config")
	_, text, cut := strings.Cut(out, "\nversion ")
	_, text, _ = strings.Cut(text, "\n")
	if !ok || !cut {
		d.fail("show running-config: %s", out)
	}
	t, bad := d.s.CLI().ParseConfig(text)
	if len(bad) > 0 {
		d.fail("show running-config cannot be read: %v", bad)
	}
	d.differ("the text", flat(sch, t))
	got, err := d.gnmi.Get(context.Background(), &pb.GetRequest{
		Path: []*pb.Path{{Origin: "trunkline"}}, Type: pb.GetRequest_CONFIG, Encoding: pb.Encoding_JSON,
	})
	if err != nil {
		d.fail("Get: %v", err)
	}
	p := plain{}
	for _, n := range got.GetNotification() {
		for _, u := range n.GetUpdate() {
			var v any
			dec := json.NewDecoder(strings.NewReader(string(u.GetVal().GetJsonVal())))
			dec.UseNumber()
			if err := dec.Decode(&v); err != nil {
				d.fail("Get: %v", err)
			}
			flatJSON(p, "", "", v)
		}
	}
	d.differ("gNMI's JSON", ours(p))
}

// TestModel gives random commands to a supervisor: lines, Sets, checkpoints,
// rollbacks, replacements, sessions that conflict, confirmed commits that are
// confirmed, cancelled, prolonged or expire while others try to commit.
// After each the tree, the text and the JSON are those of a simple model.
// TRUNKLINE_SEEDS is how many sequences there are.
func TestModel(t *testing.T) {
	seeds, steps := 1, 500
	if n, err := strconv.Atoi(os.Getenv("TRUNKLINE_SEEDS")); err == nil {
		seeds = n
	}
	if testing.Short() {
		steps = 100
	}
	for seed := range seeds {
		clock := configtest.NewClock(time.Now())
		d := &modelled{
			doors: openDoorsBy(t, clock), clock: clock, r: rand.New(rand.NewPCG(uint64(seed), 11)), m: plain{}, checkpoints: map[string]plain{},
			files: map[string]plain{}, base: map[string]plain{}, edits: map[string][]op{}, counts: map[string]int{},
		}
		const begin = "hostname start\nport-profile type vethernet P1\nport-profile type vethernet P2\nport-profile type vethernet P3\n"
		if _, err := d.gnmi.Set(context.Background(), cliUpdate(begin)); err != nil {
			t.Fatal(err)
		}
		d.m = plain{"system/hostname": "start"}
		for _, p := range []string{"P1", "P2", "P3"} {
			d.m["port-profiles/port-profile["+p+"]"] = ""
		}
		for range steps {
			d.step()
			d.compare()
		}
		t.Logf("seed %d: %v", seed, d.counts)
	}
}
