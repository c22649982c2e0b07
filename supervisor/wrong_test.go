package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	gossh "golang.org/x/crypto/ssh"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"trunkline/config"
	"trunkline/supervisor/listen"
)

// wrong is one input that every door refuses in the same words.
type wrong struct {
	// Mode is the line of the mode that the wrong line is for, "" for none. Its
	// entry is there.
	mode, line string
	// Path and value are the same as a Set: an update of the value's JSON, or
	// without one a deletion. Paths that begin with "openconfig:" are of that
	// model, others of the product's own. "" where the models cannot say it.
	path, value string
	// Want is the message less the frame of the door.
	want string
	// Own is the end of what the models say of it where the grammar has no such
	// line: "" if they say the same.
	own string
}

const (
	veth1    = "interface vethernet 1"
	eth31    = "interface ethernet 3/1"
	web      = "port-profile WEB"
	up       = "port-profile type ethernet UP"
	veth1At  = "interfaces/interface[name=Vethernet1]/"
	veth2At  = "interfaces/interface[name=Vethernet2]/"
	eth31At  = "interfaces/interface[name=Ethernet3/1]/"
	webAt    = "port-profiles/port-profile[name=WEB]/"
	openVeth = "openconfig:interfaces/interface[name=Vethernet1]/"
	openEth  = "openconfig:interfaces/interface[name=Ethernet3/1]/"
	openVLAN = "openconfig:network-instances/network-instance[name=default]/vlans/"

	invalid      = "Invalid command"
	vlanRange    = "Invalid number, range is (1:4094)"
	mtuRange     = "Invalid number, range is (576:9216)"
	noEthernet1  = "ERROR: Interface does not exist: Ethernet1/1"
	noProfile    = "ERROR: Port-profile NONE does not exist."
	profileTaken = "ERROR: Port-profile WEB is in use by Vethernet1; remove or move the ports first."
	lastAdmin    = "ERROR: The last user with role network-admin who can log in cannot be removed."
	vlan1        = "ERROR: VLAN 1 cannot be removed."
)

// before is what runs when wrong inputs come.
const before = `vlan 20
  name RED
vlan 30
port-profile type ethernet UP
  state enabled
port-profile type ethernet UPBASE
port-profile type vethernet BASE
  state enabled
port-profile type vethernet WEB
  inherit port-profile BASE
  max-ports 1
port-profile type vethernet D1
port-profile type vethernet D2
  inherit port-profile D1
port-profile type vethernet D3
  inherit port-profile D2
port-profile type vethernet D4
  inherit port-profile D3
port-profile type vethernet D5
interface Vethernet1
  inherit port-profile WEB
  owner netns h1 ifname eth0 module 3
interface Vethernet2
interface Ethernet3/1
vem 3
  host id 00000000-0000-4000-8000-000000000003
  host uplink eth9 profile UP
vem 4
interface mgmt0
vrf context management
`

// wrongs are the inputs.
func wrongs() []wrong {
	long := func(n int) string { return strings.Repeat("x", n) }
	quoted := func(n int) string { return `"` + long(n) + `"` }
	return []wrong{
		// numbers out of their range
		{line: "vlan 5000", want: vlanRange, path: "vlans/vlan[id=5000]", value: "{}"},
		{line: "vlan 0", want: vlanRange, path: openVLAN + "vlan[vlan-id=0]", value: `{"vlan-id":0}`},
		{line: "vlan 99999999999999999999", want: vlanRange, path: "vlans/vlan[id=99999999999999999999]", value: "{}"},
		{mode: eth31, line: "mtu 1", want: mtuRange, path: eth31At + "mtu", value: "1"},
		{mode: eth31, line: "mtu 9217", want: mtuRange, path: openEth + "config/mtu", value: "9217"},
		{mode: up, line: "mtu 100000", want: mtuRange, path: "port-profiles/port-profile[name=UP]/mtu", value: "100000"},
		{mode: veth1, line: "switchport access vlan 4095", want: vlanRange, path: veth1At + "switchport/access-vlan", value: "4095"},
		{mode: veth1, line: "switchport access vlan 0", want: vlanRange, path: openVeth + "ethernet/switched-vlan/config/access-vlan", value: "0"},
		{mode: veth1, line: "switchport trunk native vlan 4095", want: vlanRange, path: veth1At + "switchport", value: `{"trunk":{"native-vlan":4095}}`},
		{mode: web, line: "max-ports 0", want: "Invalid number, range is (1:1024)", path: webAt + "max-ports", value: "0"},
		{mode: web, line: "max-ports 1025", want: "Invalid number, range is (1:1024)", path: webAt[:len(webAt)-1], value: `{"max-ports":1025}`},
		{line: "mac address-table aging-time 119", want: "Invalid number, range is (120:918000)", path: "mac-table/aging-time", value: "119"},
		{line: "mac address-table limit 99", want: "Invalid number, range is (100:1000000)", path: "mac-table/limit", value: "99"},
		{line: "cdp timer 4", want: "Invalid number, range is (5:254)", path: "cdp/timer", value: "4"},
		{line: "cdp holdtime 256", want: "Invalid number, range is (10:255)", path: "cdp/holdtime", value: "256"},
		{line: "ssh login-attempts 11", want: "Invalid number, range is (1:10)", path: "ssh/login-attempts", value: "11"},
		{mode: "line vty", line: "session-limit 65", want: "Invalid number, range is (1:64)", path: "line/vty/session-limit", value: "65"},
		{mode: "line console", line: "exec-timeout 525601", want: "Invalid number, range is (0:525600)", path: "line/console/exec-timeout", value: "525601"},
		{mode: "svs-domain", line: "domain id 4096", want: "Invalid number, range is (1:4095)", path: "svs-domain/domain-id", value: "4096"},
		{line: "vem 2", want: "Invalid number, range is (3:258)", path: "vems/vem[slot=2]", value: "{}"},
		{line: "logging console 8", want: "Invalid number, range is (0:7)", path: "logging/console", value: "8"},
		// values of another type
		{mode: veth1, line: "switchport access vlan red", want: invalid, path: veth1At + "switchport/access-vlan", value: `"red"`},
		{mode: veth1, line: "switchport mode dynamic", want: invalid, path: veth1At + "switchport/mode", value: `"dynamic"`},
		{mode: eth31, line: "mtu big", want: invalid, path: eth31At + "mtu", value: `"big"`},
		{mode: veth1, line: "switchport trunk allowed vlan 10-5", want: "Invalid value/range", path: veth1At + "switchport/trunk/allowed-vlans", value: `"10-5"`},
		{mode: veth1, line: "switchport trunk allowed vlan 1,,2", want: "Invalid value/range", path: veth1At + "switchport/trunk/allowed-vlans", value: `"1,,2"`},
		{mode: "vlan 20", line: "state off", want: invalid, path: "vlans/vlan[id=20]/state", value: `"off"`},
		{mode: web, line: "state on", want: invalid, path: webAt + "state", value: `"on"`},
		{line: "mac address-table static 0200.0000.000g vlan 20 drop", want: "Invalid mac address",
			path: "mac-table/static[vlan=20][mac=0200.0000.000g]/target", value: `"drop"`},
		{mode: "vem 4", line: "host id not-a-uuid", want: invalid, path: "vems/vem[slot=4]/host-id", value: `"not-a-uuid"`},
		{mode: "interface mgmt0", line: "ip address 300.1.1.1/24", want: "Invalid ip address", path: "interfaces/interface[name=mgmt0]/ipv4", value: `"300.1.1.1/24"`},
		{mode: "interface mgmt0", line: "ipv6 address 192.0.2.1/24", want: "Invalid ipv6 address", path: "interfaces/interface[name=mgmt0]/ipv6", value: `"192.0.2.1/24"`},
		{mode: "vrf context management", line: "ip route 198.51.100.0/33 192.0.2.1", want: "Invalid ip address",
			path: "vrfs/vrf[vrf=management]/ipv4-route[prefix=198.51.100.0/33][next-hop=192.0.2.1]", value: "{}"},
		{line: "cdp advertise v3", want: invalid, path: "cdp/advertise", value: `"v3"`},
		{line: "username eve role king", want: "ERROR: Role king does not exist.", path: "users/user[user=eve]/role", value: `"king"`},
		{line: "username eve sshkey ssh-rsa none", want: invalid, path: "users/user[user=eve]/ssh-key", value: `"ssh-rsa none"`},
		// too long, or not to be printed
		{line: "hostname " + long(64), want: "String exceeded max length of (63)", path: "system/hostname", value: quoted(64)},
		{line: "switchname " + long(64), want: "String exceeded max length of (63)", path: "openconfig:system/config/hostname", value: quoted(64)},
		{line: "hostname a\x01b", want: invalid, path: "system/hostname", value: `"a\u0001b"`},
		{mode: "vlan 20", line: "name " + long(33), want: "String exceeded max length of (32)", path: openVLAN + "vlan[vlan-id=20]/config/name", value: quoted(33)},
		{mode: veth1, line: "description " + long(255), want: "String exceeded max length of (254)", path: openVeth + "config/description", value: quoted(255)},
		{mode: web, line: "description " + long(81), want: "String exceeded max length of (80)", path: webAt + "description", value: quoted(81)},
		{line: "port-profile " + long(81), want: "String exceeded max length of (80)", path: "port-profiles/port-profile[name=" + long(81) + "]", value: "{}"},
		// objects that are not there, or cannot be
		{mode: veth1, line: "inherit port-profile NONE", want: noProfile, path: veth1At + "inherit", value: `"NONE"`},
		{mode: web, line: "inherit port-profile NONE", want: noProfile, path: webAt + "inherit", value: `"NONE"`},
		{line: "interface ethernet 1/1", want: noEthernet1, path: "interfaces/interface[name=Ethernet1/1]", value: "{}"},
		{line: "interface Ethernet1/1", want: noEthernet1, path: "openconfig:interfaces/interface[name=Ethernet1/1]/config/description", value: `"x"`},
		{line: "interface serial 1", want: "Invalid interface format", path: "interfaces/interface[name=serial1]", value: "{}"},
		{mode: veth1, line: "owner internal vnic-0 module 4", want: "ERROR: Module 4 has no host vnic vnic-0.",
			path: veth1At + "owner", value: `"internal vnic-0 module 4"`},
		// what is bound, taken or in use already
		{mode: "vlan 30", line: "name RED", want: "ERROR: VLAN name RED is in use by VLAN 20.", path: openVLAN + "vlan[vlan-id=30]/config/name", value: `"RED"`},
		{mode: "vlan 30", line: "name default", want: "ERROR: VLAN name default is in use by VLAN 1.", path: "vlans/vlan[id=30]/name", value: `"default"`},
		{mode: "interface vethernet 2", line: "owner netns h1 ifname eth0 module 3", want: "ERROR: Vethernet1 is bound to netns h1 ifname eth0 module 3 already.",
			path: veth2At + "owner", value: `"netns h1 ifname eth0 module 3"`},
		{mode: "interface vethernet 2", line: "owner device eth9 module 3", want: "ERROR: Device eth9 of module 3 is an uplink.",
			path: veth2At + "owner", value: `"device eth9 module 3"`},
		{mode: "vem 4", line: "host id 00000000-0000-4000-8000-000000000003", want: "ERROR: Host 00000000-0000-4000-8000-000000000003 is bound to module 3 already.",
			path: "vems/vem[slot=4]/host-id", value: `"00000000-0000-4000-8000-000000000003"`},
		{mode: "interface vethernet 2", line: "inherit port-profile WEB", want: "ERROR: Port-profile WEB has reached max-ports 1.",
			path: veth2At + "inherit", value: `"WEB"`},
		{line: "no port-profile WEB", want: profileTaken, path: "port-profiles/port-profile[name=WEB]"},
		{line: "no port-profile BASE", want: "ERROR: Port-profile BASE is in use by port-profile WEB; remove or move it first.",
			path: "port-profiles/port-profile[name=BASE]"},
		// rules between objects
		{mode: veth1, line: "inherit port-profile UP", want: "ERROR: Port-profile type mismatch (vethernet vs ethernet).", path: veth1At + "inherit", value: `"UP"`},
		{mode: eth31, line: "inherit port-profile D5", want: "ERROR: Port-profile type mismatch (ethernet vs vethernet).", path: eth31At + "inherit", value: `"D5"`},
		{mode: web, line: "inherit port-profile UPBASE", want: "ERROR: Port-profile type mismatch (vethernet vs ethernet).", path: webAt + "inherit", value: `"UPBASE"`},
		{mode: "vem 4", line: "host uplink eth1 profile WEB", want: "ERROR: Port-profile type mismatch (ethernet vs vethernet).",
			path: "vems/vem[slot=4]/uplink[device=eth1]/profile", value: `"WEB"`},
		{mode: "vem 4", line: "host vnic vnic-0 profile UP", want: "ERROR: Port-profile type mismatch (vethernet vs ethernet).",
			path: "vems/vem[slot=4]/vnic[vnic=vnic-0]/profile", value: `"UP"`},
		{mode: "vem 3", line: "host vnic eth9 profile WEB", want: "ERROR: Device eth9 of module 3 is an uplink.", path: "vems/vem[slot=3]/vnic[vnic=eth9]/profile", value: `"WEB"`},
		{mode: web, line: "inherit port-profile WEB", want: "ERROR: Inheriting WEB would create a loop.", path: webAt + "inherit", value: `"WEB"`},
		{mode: "port-profile D1", line: "inherit port-profile D4", want: "ERROR: Inheriting D4 would create a loop.",
			path: "port-profiles/port-profile[name=D1]/inherit", value: `"D4"`},
		{mode: "port-profile D5", line: "inherit port-profile D4", want: "ERROR: Port-profile inheritance depth exceeds 4.",
			path: "port-profiles/port-profile[name=D5]/inherit", value: `"D4"`},
		{line: "port-profile type ethernet WEB", want: "ERROR: The type of WEB is fixed when it is created.", path: webAt + "type", value: `"ethernet"`},
		{line: "mac address-table static 0100.5e00.0001 vlan 20 drop", want: "ERROR: 0100.5e00.0001 is not a unicast address.",
			path: "mac-table/static[vlan=20][mac=0100.5e00.0001]/target", value: `"drop"`},
		{mode: "svs-domain", line: "svs mode L2", want: "ERROR: L2 control mode is not supported on this platform.", path: "svs-domain/mode", value: `"L2"`},
		{line: "no username admin role network-admin", want: lastAdmin, path: "users/user[user=admin]/role", value: `"network-operator"`},
		{line: "no username admin", want: lastAdmin, path: "users/user[user=admin]"},
		// what is always there
		{line: "no vlan 1", want: vlan1},
		// the wrong mode, and lines that are none
		{line: "switchport access vlan 20", want: invalid, path: "switchport/access-vlan", value: "20", own: `element "switchport" is not in the schema`},
		{mode: veth1, line: "mtu 9000", want: invalid, path: veth1At + "mtu", value: "9000", own: "ERROR: mtu does not apply to interfaces/interface[Vethernet1]."},
		{mode: eth31, line: "owner netns h2 ifname eth0 module 3", want: invalid, path: eth31At + "owner", value: `"netns h2 ifname eth0 module 3"`,
			own: "ERROR: owner does not apply to interfaces/interface[Ethernet3/1]."},
		{mode: "vlan 20", line: "switchport mode trunk", want: invalid, path: "vlans/vlan[id=20]/switchport/mode", value: `"trunk"`, own: `is not in the schema`},
		{line: "no-such-command", want: invalid, path: "no-such-command", value: `"x"`, own: `is not in the schema`},
		{line: "hostname", want: "Incomplete command", path: "system/hostname", value: "null", own: "null is no value; use delete"},
		{line: "hostname a b", want: invalid, path: "system/hostname", value: `"a b"`},
		{line: "c", want: "Ambiguous command"},
		{line: "vlan 10,4095", want: vlanRange},
		{line: "no vlan", want: "Incomplete command", path: "vlans/vlan", value: "{}", own: "want an array"},
	}
}

// doors are the ways in, with one administrator behind each.
type doors struct {
	t    *testing.T
	s    *Supervisor
	gnmi pb.GNMIClient
	ssh  *gossh.Client
}

func openDoors(t *testing.T) *doors {
	t.Helper()
	return openDoorsBy(t, nil)
}

// openDoorsBy is openDoors with confirmed commits timed by a clock.
func openDoorsBy(t *testing.T, clock config.Clock) *doors {
	t.Helper()
	dir := t.TempDir()
	const password = "Tr0ub4dor&3"
	s, err := Open(t.Context(), Config{
		StateDir: dir, GNMI: GNMI{Socket: filepath.Join(dir, "gnmi.sock")}, SSH: listen.At("127.0.0.1:0"),
		Admin: Admin{Password: password}, Clock: clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	address := s.ssh.listener.Addr().String()
	wait, stop := begin(t, s)
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("unix:"+s.cfg.GNMI.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := gossh.Dial("tcp", address, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password(password)},
		HostKeyCallback: func(string, net.Addr, gossh.PublicKey) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &doors{t: t, s: s, gnmi: pb.NewGNMIClient(conn), ssh: client}
}

// exec runs a chain of commands as an SSH exec.
func (d *doors) exec(line string) (string, bool) {
	d.t.Helper()
	s, err := d.ssh.NewSession()
	if err != nil {
		d.t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it is over
	out, err := s.CombinedOutput(line)
	return string(out), err == nil
}

// modelPath reads "a/b[k=v]/c".
func modelPath(text string) *pb.Path {
	p := &pb.Path{Origin: "trunkline"}
	if rest, ok := strings.CutPrefix(text, "openconfig:"); ok {
		p.Origin, text = "openconfig", rest
	}
	elem := regexp.MustCompile(`([^/\[]+)((?:\[[^\]]*\])*)(?:/|$)`)
	key := regexp.MustCompile(`\[([^=]+)=([^\]]*)\]`)
	for _, m := range elem.FindAllStringSubmatch(text, -1) {
		e := &pb.PathElem{Name: m[1]}
		for _, k := range key.FindAllStringSubmatch(m[2], -1) {
			if e.Key == nil {
				e.Key = map[string]string{}
			}
			e.Key[k[1]] = k[2]
		}
		p.Elem = append(p.Elem, e)
	}
	return p
}

// set is a Set of a wrong input in one of the models.
func (w wrong) set() *pb.SetRequest {
	if w.value == "" {
		return &pb.SetRequest{Delete: []*pb.Path{modelPath(w.path)}}
	}
	return &pb.SetRequest{Update: []*pb.Update{{
		Path: modelPath(w.path), Val: &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: []byte(w.value)}},
	}}}
}

// Frames of the doors around a message.
const (
	greeting = "Enter configuration commands, one per line. End with CNTL/Z.\n"
	// ofLine is a CLI line's: the caret and what it marks, or the sentence alone.
	ofLine = `^( *\^\n%% %[1]s at '\^' marker\.|%[1]s)\n$`
	// ofFile is that of a line among others: it is named, or it was found by a
	// check of all of them, which names the place in the tree.
	ofFile = `^(origin cli: line %[2]d: (Syntax error while parsing )?'%[3]s': %[1]s|%[1]s \(path /[^\n]*\))$`
	// ofModel names the place that was given, or found.
	ofModel = `^(path [^ ]*(: [^ ]+)?: (%% )?%[1]s|%[1]s \(path /[^\n]*\))$`
)

func framed(t *testing.T, door, frame, got string, w wrong, args ...any) {
	t.Helper()
	re := regexp.MustCompile(fmt.Sprintf(frame, append([]any{regexp.QuoteMeta(w.want)}, args...)...))
	if !re.MatchString(got) {
		t.Errorf("%s: %s ; %s:\ngot  %q\nwant %q", door, w.mode, w.line, got, w.want)
	}
}

// TestWrongInputs gives the same wrong inputs to the CLI, to SSH exec and to
// gNMI, there as lines and as values of a model. All say the same words, and
// nothing has changed.
func TestWrongInputs(t *testing.T) {
	d := openDoors(t)
	ctx := context.Background()
	if _, err := d.gnmi.Set(ctx, cliUpdate(before)); err != nil {
		t.Fatal(err)
	}
	now := d.s.config.Running()
	unchanged := func(door string, w wrong) {
		t.Helper()
		if again := d.s.config.Running(); again.Generation != now.Generation || !again.Tree.Equal(now.Tree) {
			t.Fatalf("%s: %s ; %s: something was committed", door, w.mode, w.line)
		}
	}
	n := 0
	for _, w := range wrongs() {
		typed := []string{"configure terminal", w.line}
		if w.mode != "" {
			typed = []string{"configure terminal", w.mode, w.line}
		}
		chain := strings.Join(typed, " ; ")
		out, ok := lines(t, d.s, chain)
		if ok {
			t.Errorf("CLI: %s ; %s is accepted: %s", w.mode, w.line, out)
		}
		framed(t, "CLI", ofLine, strings.TrimPrefix(out, greeting), w)
		unchanged("CLI", w)

		again, ok := d.exec(chain)
		if ok || again != out {
			t.Errorf("SSH: %s ; %s: ok %v, %q, and in the CLI %q", w.mode, w.line, ok, again, out)
		}
		unchanged("SSH", w)

		_, err := d.gnmi.Set(ctx, cliUpdate(strings.Join(typed[1:], "\n")))
		framed(t, "gNMI, origin cli", ofFile, status.Convert(err).Message(), w, len(typed)-1, regexp.QuoteMeta(w.line))
		unchanged("gNMI, origin cli", w)
		n++
		if w.path == "" {
			continue
		}
		_, err = d.gnmi.Set(ctx, w.set())
		said := status.Convert(err).Message()
		if w.own != "" {
			if err == nil || !strings.Contains(said, w.own) {
				t.Errorf("gNMI: %s: got %q, want %q", w.path, said, w.own)
			}
		} else {
			framed(t, "gNMI, "+w.path, ofModel, said, w)
		}
		unchanged("gNMI, "+w.path, w)
	}
	t.Logf("%d wrong inputs", n)
}
