package module

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

var now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

const uuid3, uuid4, uuid5, uuid6 = "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b", "55b1c3d0-7a4e-4a0f-9a67-1c0de51f7e21", "66b1c3d0-7a4e-4a0f-9a67-1c0de51f7e22"

func hosts(ids map[string]string) tree.Tree {
	var t tree.Tree
	for slot, id := range ids {
		t = t.Set(tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "host-id"}}, id)
	}
	return t
}

// chassis has two cards in service, one that is only configured, one that is
// known and gone, and one without a program.
func chassis() feature.Query {
	q := feature.Query{
		Running: hosts(map[string]string{"3": uuid3, "5": uuid5}), Now: now,
		State: &feature.State{
			Supervisor: feature.Supervisor{
				Address: "192.0.2.10", Version: "1.0(1)", MAC: ether.MAC{0x02, 0xfe, 0x0c, 0x6c, 0x5a, 0xa8},
				Started: now.Add(-49*time.Hour - 61*time.Second), Fingerprint: strings.Repeat("0c", 32),
			},
			Hosts: []feature.HostKey{
				{UUID: uuid4, Fingerprint: strings.Repeat("4d", 32), Since: now.Add(-time.Hour)},
				{UUID: uuid3, Fingerprint: strings.Repeat("3e", 32), Since: now, Refused: "before it was admitted"},
				{UUID: uuid6, Refused: strings.Repeat("why it was refused, ", 10)},
			},
			Modules: []feature.Module{
				{Slot: 3, Status: feature.ModuleOK, EverSeen: true, UUID: uuid3, Host: "kvm-a", Address: "192.0.2.53", Version: "1.0(1)",
					OS: "Linux 6.12.9 (KVM, containers)", MAC: ether.MAC{0x02, 0, 0x0c, 0, 3, 0}, Since: now.Add(-time.Hour),
					NodeRequestsIn: 1, InsertedOut: 1, InsertedIn: 1, HeartbeatsOut: 84120, HeartbeatsIn: 84119, Insertions: 1},
				{Slot: 4, Status: feature.ModuleOK, EverSeen: true, UUID: uuid4, Host: "kvm-b", Address: "2001:db8::54", Version: "1.0(1)",
					OS: "Linux 6.8.0", MAC: ether.MAC{0x02, 0, 0x0c, 0, 4, 0}, Since: now.Add(-time.Minute),
					NodeRequestsIn: 2, InsertedOut: 2, InsertedIn: 2, HeartbeatsOut: 40411, HeartbeatsIn: 40409, Insertions: 2, Removals: 1},
				{Slot: 7, EverSeen: true, UUID: uuid4, Host: "gone", Address: "192.0.2.57"},
				{Slot: 258, Status: feature.ModulePoweredUp, EverSeen: true, Host: strings.Repeat("long-name.", 5), Since: now.Add(time.Hour)},
			},
		},
	}
	q.Module = func(_ context.Context, slot int, what string, request []byte) ([]byte, error) {
		if slot == 4 {
			return nil, errors.New("no answer in time")
		}
		return []byte(what + " of module " + strconv.Itoa(slot) + " " + string(request)), nil
	}
	return q
}

func none() feature.Query { return feature.Query{State: &feature.State{}, Now: now} }

func many() feature.Query {
	q := none()
	for slot := 3; slot <= 258; slot++ {
		q.State.Modules = append(q.State.Modules, feature.Module{Slot: slot, Status: feature.ModuleOK, UUID: uuid3, Host: "h", Version: "1.0(1)"})
	}
	return q
}

var screens = map[string]string{
	"module": "show module [<module>]", "mapping": "show module vem mapping", "missing": "show module vem missing",
	"counters": "show module vem counters", "uptime": "show module uptime", "certificate": "show module vem certificate",
}

func TestGolden(t *testing.T) {
	for name, line := range screens {
		t.Run(name, func(t *testing.T) {
			s, err := featuretest.Show(t, Feature, chassis(), line)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, name, s)
		})
	}
}

// The lines strict scrapers know (cli.md §11.2, §11.3).
const uuidPattern = `([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|NA)`

var patterns = map[string][]string{
	"module": {
		``, `Mod  Ports  Module-Type                         Model              Status`,
		`---  -----  ----------------------------------- ------------------ ------------`,
		`(\d+) +(\d+) +(\S+(?: \S+)+) +(\S+) +(active \*|ok|powered-up)`,
		`Mod  Sw                  Hw`, `---  ------------------  ------------------------------------------------`,
		`(\d+) +(\S+) {2,}(\S.*)`,
		`Mod  MAC-Address\(es\)                         Serial-Num`, `---  --------------------------------------  ----------`,
		`(\d+) +([0-9a-f-]{17}) to ([0-9a-f-]{17})  (\S+)`,
		`Mod  Server-IP        Server-UUID                           Server-Name`,
		`---  ---------------  ------------------------------------  --------------------`,
		`(\d+) +([0-9a-f.:]+|NA) +` + uuidPattern + ` +(\S+)`,
		`\* this terminal session`,
	},
	"mapping": {
		`Mod     Status          UUID                                    Control Status`,
		`---     -----------     ------------------------------------    --------------`,
		` *(\d+)     (powered-up|absent) +` + uuidPattern + ` +(connected|headless|never-seen)`,
	},
	"missing": {
		`Mod  Server-IP        Server-UUID                           Server-Name`,
		`---  ---------------  ------------------------------------  --------------------`,
		`(\d+) +(\S+) +` + uuidPattern + ` +(\S+)`,
	},
	"counters": {
		`-{79}`, `Mod  InNR  OutMI  InMI  OutHBeats   InHBeats  InsCnt  RemCnt   TxErrs`, ` *(\d+)( +\d+){8}`,
	},
	"certificate": {
		`Chassis: SHA256 ([0-9a-f]{64}|NA)`, ``, `Mod  Server-UUID                           State         Key since`,
		`---  ------------------------------------  ------------  --------------------`,
		`(\d+|-) +` + uuidPattern + ` +(admitted|enrolled|refused|not-enrolled) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|-)`,
		`     SHA256 ([0-9a-f]{64})`, `     Refused: (\S.*)`,
	},
	"uptime": {
		`------ Module (\d+) -----`, `Module Start Time:   (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})`,
		`Up Time:             (\d+) day\(s\), (\d+) hour\(s\), (\d+) minute\(s\), (\d+) second\(s\)`,
	},
}

// forgotten is a Host that notes whose key is forgotten.
type forgotten struct {
	feature.Host
	uuids []string
}

func (f *forgotten) ForgetHost(_ context.Context, uuid string) error {
	f.uuids = append(f.uuids, uuid)
	return nil
}

func TestClearCertificate(t *testing.T) {
	var host forgotten
	for slot, want := range map[uint32]string{
		4: "", 5: "ERROR: The host of module 5 has no key.", 9: "ERROR: Module does not exist: 9",
	} {
		q := chassis()
		q.Args = feature.Args{Values: map[string]any{"slot": slot}}
		got := ""
		if err := clearExec.Run(context.Background(), q, &host, nil); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("module %d: got %q, want %q", slot, got, want)
		}
	}
	if !slices.Equal(host.uuids, []string{uuid4}) {
		t.Errorf("forgotten are %q", host.uuids)
	}
}

func TestScrapers(t *testing.T) {
	for name, list := range patterns {
		for which, q := range map[string]feature.Query{"none": none(), "chassis": chassis(), "many": many()} {
			t.Run(name+"/"+which, func(t *testing.T) {
				s, err := featuretest.Show(t, Feature, q, screens[name])
				if err != nil {
					t.Fatal(err)
				}
				text := featuretest.Text(s)
				featuretest.Layout(t, text)
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if !slices.ContainsFunc(list, func(p string) bool { return regexp.MustCompile(`^(?:` + p + `)$`).MatchString(line) }) {
						t.Errorf("a scraper does not know %q", line)
					}
				}
			})
		}
	}
}

func TestOneModule(t *testing.T) {
	for slot, want := range map[uint32]string{
		1: "1    0      Virtual Supervisor Module", 3: "3    1022   Virtual Ethernet Module", 258: "258  1022   Virtual Ethernet Module",
		5: "ERROR: Module does not exist: 5", 9: "ERROR: Module does not exist: 9",
	} {
		s, err := featuretest.Show(t, Feature, chassis(), "show module [<module>]", "module", slot)
		got := featuretest.Text(s)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || strings.Count(got, "\n"+strconv.Itoa(int(slot))+" ") > 4 {
			t.Errorf("module %d: got %q, want %q", slot, got, want)
		}
	}
}

func TestUnsupported(t *testing.T) {
	q := chassis()
	q.State.Modules[0].Unsupported = []string{"acl", "qos"}
	q.State.Modules[2].Unsupported = []string{"acl"}
	const text = "Not supported on module 3: acl\nNot supported on module 3: qos\n"
	for slot, want := range map[uint32]bool{3: true, 4: false, 258: false} {
		s, err := featuretest.Show(t, Feature, q, "show module [<module>]", "module", slot)
		if err != nil {
			t.Fatal(err)
		}
		if got := featuretest.Text(s); strings.Contains(got, text) != want || strings.Contains(got, "Not supported") != want {
			t.Errorf("module %d: %q", slot, got)
		}
	}
}

func TestDatapath(t *testing.T) {
	for slot, want := range map[uint32]string{
		3: "datapath of module 3 \n", 4: "ERROR: Module 4: no answer in time", 5: "ERROR: Module 5 is absent.",
		9: "ERROR: Module does not exist: 9",
	} {
		s, err := featuretest.Show(t, Feature, chassis(), "show module <module> datapath", "module", slot)
		got := featuretest.Text(s)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("module %d: got %q, want %q", slot, got, want)
		}
	}
}

func TestExecute(t *testing.T) {
	q := chassis()
	q.Args = feature.Args{Values: map[string]any{"slot": uint32(3)}}
	var out bytes.Buffer
	for _, command := range []string{"show  port vlans", "vemcmd show port vlans"} {
		out.Reset()
		q.Args.Values["command"] = command
		if err := executeExec.Run(context.Background(), q, nil, &out); err != nil {
			t.Fatal(err)
		}
		if want := "execute of module 3 {\"args\":[\"show\",\"port\",\"vlans\"]}\n"; out.String() != want {
			t.Errorf("%s: got %q, want %q", command, out.String(), want)
		}
	}
	q.Args.Values["slot"] = uint32(5)
	if err := executeExec.Run(context.Background(), q, nil, &out); err == nil || err.Error() != "ERROR: Module 5 is absent." {
		t.Errorf("an absent module: %v", err)
	}
}

// TestHostileAnswer has a card answer what a terminal would obey.
func TestHostileAnswer(t *testing.T) {
	for reply, want := range map[string]string{
		"":                        "",
		"a\tb\nc":                 "a\tb\nc\n",
		"\x1b[2J\x1b]0;x\x07\r\n": ".[2J.]0;x..\n",
		"\u009b2J é \xff":         ".2J é .\n",
		strings.Repeat("x", maxAnswer+9): strings.Repeat("x", maxAnswer) +
			"\nWarning: The answer is too long; the rest is left out.\n",
	} {
		q := chassis()
		q.Module = func(context.Context, int, string, []byte) ([]byte, error) { return []byte(reply), nil }
		got, err := ask(context.Background(), q, 3, "execute", nil)
		if err != nil || got != want {
			t.Errorf("%.40q: got %.60q, %v; want %.60q", reply, got, err, want)
		}
	}
}

// TestRemoveOnline removes slots from below their cards.
func TestRemoveOnline(t *testing.T) {
	old := hosts(map[string]string{"3": uuid3, "4": uuid4})
	c := feature.Candidate{Old: old, Online: func(slot int) bool { return slot == 3 }}
	for _, gone := range []string{"3", "4"} {
		c.New = old.Delete(tree.Path{{Name: "vems"}, {Name: "vem", Key: gone}})
		got := check(c)
		if refused := len(got) == 1 && got[0].Text == "ERROR: Module 3 is online; stop its line card first."; refused != (gone == "3") {
			t.Errorf("no vem %s: %v", gone, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		new  tree.Tree
		want []string
	}{
		"different hosts": {hosts(map[string]string{"3": uuid3, "4": uuid4}), nil},
		"one host twice": {hosts(map[string]string{"3": uuid3, "12": uuid3}),
			[]string{"vems/vem[12]/host-id ERROR: Host " + uuid3 + " is bound to module 3 already."}},
		"no host": {tree.Tree{}.Set(tree.Path{{Name: "vems"}, {Name: "vem", Key: "3"}}, nil), nil},
	} {
		var got []string
		for _, p := range check(feature.Candidate{New: c.new}) {
			got = append(got, p.Path.String()+" "+p.Text)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestUUID(t *testing.T) {
	if got, err := uuidType.Parse(strings.ToUpper(uuid3)); err != nil || got != uuid3 {
		t.Errorf("upper case: %q, %v", got, err)
	}
	for _, text := range []string{"", "x", uuid3 + "0", strings.ReplaceAll(uuid3, "-", ""), strings.Replace(uuid3, "f", "g", 1)} {
		if got, err := uuidType.Parse(text); err == nil {
			t.Errorf("%q: got %q, want an error", text, got)
		}
	}
}

func TestConfig(t *testing.T) {
	tr := hosts(map[string]string{"12": uuid4, "3": uuid3}).Set(tree.Path{{Name: "vems"}, {Name: "vem", Key: "5"}}, nil)
	want := `
vem 3
  host id 7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10
vem 5
vem 12
  host id 0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b
`
	if got := featuretest.Config(t, tr, Feature.Schema); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
