package acceptance

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"golang.org/x/crypto/ssh"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"trunkline/cli/remote"
	"trunkline/testbed/netns"
)

// door is one way into the one transaction. It is used by one client, which
// opens it again after an error.
type door interface {
	// port sets the access VLAN and the description of a vEthernet in one
	// transaction; vlan sets the name of a VLAN. After an error nobody knows
	// whether it happened.
	port(ctx context.Context, name string, vlan int, description string) error
	vlan(ctx context.Context, id int, name string) error
	// readPort and readVLAN say what is configured.
	readPort(ctx context.Context, name string) (vlan int, description string, err error)
	readVLAN(ctx context.Context, id int) (name string, err error)
	close()
}

// opener opens a door.
type opener func(ctx context.Context) (door, error)

// dialIn connects to an address inside a namespace.
func dialIn(ctx context.Context, ns, addr string) (conn net.Conn, err error) {
	var d net.Dialer
	err = netns.Named(ns).Do(func() error {
		conn, err = d.DialContext(ctx, "tcp", addr)
		return err
	})
	return conn, err
}

// lineDoor speaks the operator's language through a function that runs a line.
type lineDoor struct {
	name string // of its configuration sessions
	n    int
	line func(ctx context.Context, line string) (out string, err error)
	end  func()
}

func (d *lineDoor) close() { d.end() }

func (d *lineDoor) port(ctx context.Context, name string, vlan int, description string) error {
	d.n++
	session := fmt.Sprintf("%s-%d", d.name, d.n)
	// A description takes the rest of its line.
	_, err := d.line(ctx, fmt.Sprintf("configure session %s ; interface %s ; switchport access vlan %d\ndescription %s\ncommit",
		session, name, vlan, description))
	if err != nil { // drafts are few; this one is not wanted any more
		_, _ = d.line(ctx, "end")
		_, _ = d.line(ctx, fmt.Sprintf("configure session %s ; abort", session))
	}
	return err
}

func (d *lineDoor) vlan(ctx context.Context, id int, name string) error {
	_, err := d.line(ctx, fmt.Sprintf("configure terminal ; vlan %d ; name %s ; end", id, name))
	return err
}

var (
	accessLine      = regexp.MustCompile(`(?m)^  switchport access vlan (\d+)$`)
	descriptionLine = regexp.MustCompile(`(?m)^  description (\S+)$`)
)

func (d *lineDoor) readPort(ctx context.Context, name string) (vlan int, description string, err error) {
	out, err := d.line(ctx, "show running-config interface "+name)
	if err != nil {
		return 0, "", err
	}
	vlan, description = portOf(out)
	return vlan, description, nil
}

// portOf reads the lines of an interface; one that is not there is its default.
func portOf(text string) (vlan int, description string) {
	vlan = 1
	if m := accessLine.FindStringSubmatch(text); m != nil {
		vlan, _ = strconv.Atoi(m[1])
	}
	if m := descriptionLine.FindStringSubmatch(text); m != nil {
		description = m[1]
	}
	return vlan, description
}

func (d *lineDoor) readVLAN(ctx context.Context, id int) (string, error) {
	out, err := d.line(ctx, "show running-config vlan")
	if err != nil {
		return "", err
	}
	if m := regexp.MustCompile(fmt.Sprintf(`(?m)^vlan %d\n  name (\S+)$`, id)).FindStringSubmatch(out); m != nil {
		return m[1], nil
	}
	return "", nil
}

// cliDoor is a session over the supervisor's socket.
func cliDoor(socket, name string) opener {
	return func(ctx context.Context) (door, error) {
		c, _, err := remote.Dial(ctx, socket, remote.Hello{})
		if err != nil {
			return nil, err
		}
		return &lineDoor{name: name, end: func() { _ = c.Close() }, line: func(ctx context.Context, line string) (string, error) {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			var out strings.Builder
			ok, err := c.Script(strings.NewReader(line), &out)
			if err == nil && !ok {
				err = fmt.Errorf("%s: %s", line, out.String())
			}
			return out.String(), err
		}}, nil
	}
}

// sshDoor runs each line as an SSH exec on one connection.
func sshDoor(ns, addr, user, password, name string) opener {
	return func(ctx context.Context) (door, error) {
		c, err := sshClient(ctx, ns, addr, user, password)
		if err != nil {
			return nil, err
		}
		return &lineDoor{name: name, end: func() { _ = c.Close() }, line: func(ctx context.Context, line string) (string, error) {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			s, err := c.NewSession()
			if err != nil {
				return "", err
			}
			defer s.Close()
			out, err := s.CombinedOutput(line)
			if err != nil {
				err = fmt.Errorf("%s: %w: %s", line, err, out)
			}
			return string(out), err
		}}, nil
	}
}

// sshLine runs a command as admin over a connection of its own.
func sshLine(t *testing.T, ns, address, command string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := sshClient(ctx, ns, address+":22", "admin", "admin")
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // its address may have gone
	s, err := c.NewSession()
	if err != nil {
		return "", err
	}
	out, err := s.CombinedOutput(command)
	return string(out), err
}

func sshClient(ctx context.Context, ns, addr, user, password string) (*ssh.Client, error) {
	conn, err := dialIn(ctx, ns, addr)
	if err != nil {
		return nil, err
	}
	return sshOver(conn, addr, user, password, 10*time.Second)
}

// sshOver logs in over a connection, which it closes on an error.
func sshOver(conn net.Conn, addr, user, password string, limit time.Duration) (*ssh.Client, error) {
	_ = conn.SetDeadline(time.Now().Add(limit))
	cc, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(cc, channels, requests), nil
}

// gnmiDoor speaks OpenConfig.
func gnmiDoor(ns, addr, user, password string) opener {
	return func(context.Context) (door, error) {
		conn, err := gnmiConn(ns, addr)
		if err != nil {
			return nil, err
		}
		return &modelDoor{conn: conn, client: pb.NewGNMIClient(conn), auth: []string{"username", user, "password", password}}, nil
	}
}

func gnmiConn(ns, addr string) (*grpc.ClientConn, error) {
	return gnmiOver(addr, func(ctx context.Context) (net.Conn, error) { return dialIn(ctx, ns, addr) })
}

// gnmiOver connects to gNMI through connections that dial makes.
func gnmiOver(addr string, dial func(context.Context) (net.Conn, error)) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }))
}

type modelDoor struct {
	conn   *grpc.ClientConn
	client pb.GNMIClient
	auth   []string
}

func (d *modelDoor) close() { _ = d.conn.Close() }

func (d *modelDoor) as(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, d.auth...)
}

// ocPath makes a path of elements; an element may end in "[key=value]".
func ocPath(elems ...string) *pb.Path {
	p := &pb.Path{}
	for _, e := range elems {
		name, key, ok := strings.Cut(strings.TrimSuffix(e, "]"), "[")
		elem := &pb.PathElem{Name: name}
		if ok {
			k, v, _ := strings.Cut(key, "=")
			elem.Key = map[string]string{k: v}
		}
		p.Elem = append(p.Elem, elem)
	}
	return p
}

func portPath(name string, elems ...string) *pb.Path {
	return ocPath(append([]string{"interfaces", "interface[name=" + name + "]"}, elems...)...)
}

func vlanNamePath(id int) *pb.Path {
	return ocPath("network-instances", "network-instance[name=default]", "vlans", fmt.Sprintf("vlan[vlan-id=%d]", id), "config", "name")
}

func jsonVal(v any) *pb.TypedValue {
	b, _ := json.Marshal(v) // numbers and strings
	return &pb.TypedValue{Value: &pb.TypedValue_JsonIetfVal{JsonIetfVal: b}}
}

func (d *modelDoor) port(ctx context.Context, name string, vlan int, description string) error {
	_, err := d.client.Set(d.as(ctx), &pb.SetRequest{Update: []*pb.Update{
		{Path: portPath(name, "ethernet", "switched-vlan", "config", "access-vlan"), Val: jsonVal(vlan)},
		{Path: portPath(name, "config", "description"), Val: jsonVal(description)},
	}})
	return err
}

func (d *modelDoor) vlan(ctx context.Context, id int, name string) error {
	_, err := d.client.Set(d.as(ctx), &pb.SetRequest{Update: []*pb.Update{{Path: vlanNamePath(id), Val: jsonVal(name)}}})
	return err
}

func (d *modelDoor) readPort(ctx context.Context, name string) (vlan int, description string, err error) {
	r, err := d.client.Get(d.as(ctx), &pb.GetRequest{
		Path: []*pb.Path{portPath(name)}, Type: pb.GetRequest_CONFIG, Encoding: pb.Encoding_JSON,
	})
	if err != nil {
		return 0, "", err
	}
	var v struct {
		Config   struct{ Description string }
		Ethernet struct {
			SwitchedVLAN struct {
				Config struct {
					AccessVLAN int `json:"access-vlan"`
				}
			} `json:"switched-vlan"`
		}
	}
	if err := json.Unmarshal(r.GetNotification()[0].GetUpdate()[0].GetVal().GetJsonVal(), &v); err != nil {
		return 0, "", err
	}
	return v.Ethernet.SwitchedVLAN.Config.AccessVLAN, v.Config.Description, nil
}

func (d *modelDoor) readVLAN(ctx context.Context, id int) (string, error) {
	r, err := d.client.Get(d.as(ctx), &pb.GetRequest{Path: []*pb.Path{vlanNamePath(id)}, Encoding: pb.Encoding_JSON})
	if err != nil {
		return "", err
	}
	var name string
	err = json.Unmarshal(r.GetNotification()[0].GetUpdate()[0].GetVal().GetJsonVal(), &name)
	return name, err
}
