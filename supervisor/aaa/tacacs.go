package aaa

import (
	"context"
	"net"
	"slices"
	"strconv"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/tacacs"
)

// link is what a connection to a TACACS+ server is made with: while that is the same it
// is kept.
type link struct {
	host           string
	port           uint16
	key            string
	fromManagement bool
}

// tacacsServer is a server as its client sees it.
func (r *remote) tacacsServer(s users.Server) tacacs.Server {
	out := tacacs.Server{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return r.dial(ctx, "tcp", s.Host, s.Port, s.FromManagement)
		},
		Secret: s.Key, Timeout: s.Timeout,
	}
	if !s.Single {
		return out
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= maxKnown {
		for _, k := range r.kept {
			k.Close()
		}
		r.kept = map[link]*tacacs.Kept{}
	}
	l := link{s.Host, s.Port, s.Key, s.FromManagement}
	k := r.kept[l]
	if k == nil {
		k = &tacacs.Kept{}
		r.kept[l] = k
	}
	out.Kept = k
	return out
}

// shell are the arguments of the question for a shell, and for what goes with it.
var shell = []string{"service=shell", "cmd=", "cisco-av-pair*", "shell:roles*"}

// tacacsLogin asks a server for a user, and for the rights of his shell. One whom
// the server proves and gives no shell is refused.
func (r *remote) tacacsLogin(ctx context.Context, t tree.Tree, s users.Server, user, password, source, door string) (role feature.Role, ok bool, err error) {
	server, who := r.tacacsServer(s), tacacs.Who{User: user, Port: door, Remote: source}
	err = r.counted(s, toProve, func() (err error) {
		ok, err = server.Login(ctx, who, password, users.ASCII(t))
		return err
	})
	if err != nil || !ok {
		return "", false, err
	}
	var granted []string
	err = r.counted(s, toAuthorize, func() (err error) {
		ok, granted, err = server.Authorize(ctx, who, shell)
		return err
	})
	if err != nil || !ok {
		return "", false, err
	}
	return shellRole(t, granted), true, nil
}

// highest is the privilege level of those who may do everything.
const highest = 15

// shellRole are the roles of a shell: those that the server names, as far as there
// are such here; else that of its privilege level, which is network-admin for the
// highest and priv-N for others where there is such a role; else network-operator.
func shellRole(t tree.Tree, granted []string) feature.Role {
	if role := rolesOf(t, granted); role != "" {
		return role
	}
	if text, ok := tacacs.Value(granted, "shell:roles"); ok && text != "" {
		return feature.NetworkOperator // roles that are not there are not guessed
	}
	text, _ := tacacs.Value(granted, "priv-lvl")
	level, err := strconv.Atoi(text)
	switch name := "priv-" + strconv.Itoa(level); {
	case err != nil:
	case level == highest:
		return feature.NetworkAdmin
	case slices.Contains(users.Roles(t), name):
		return feature.Roles(name)
	}
	return feature.NetworkOperator
}
