// gorilla/websocket, as its examples `echo` and `chat` use it.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{}

// Everyone who is connected, as in the example's hub.
type hub struct {
	register   chan *client
	unregister chan *client
	broadcast  chan []byte
}

type client struct {
	conn *websocket.Conn
	send chan []byte
}

func (h *hub) run() {
	clients := map[*client]bool{}
	for {
		select {
		case c := <-h.register:
			clients[c] = true
		case c := <-h.unregister:
			if clients[c] {
				delete(clients, c)
				close(c.send)
			}
		case message := <-h.broadcast:
			for c := range clients {
				select {
				case c.send <- message:
				default:
					close(c.send)
					delete(clients, c)
				}
			}
		}
	}
}

func echo(conn *websocket.Conn) {
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func (h *hub) serve(conn *websocket.Conn) {
	c := &client{conn: conn, send: make(chan []byte, 4096)}
	h.register <- c
	go func() {
		defer conn.Close()
		for message := range c.send {
			if conn.WriteMessage(websocket.TextMessage, message) != nil {
				return
			}
		}
	}()
	defer func() { h.unregister <- c }()
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		h.broadcast <- message
	}
}

func main() {
	isBroadcast := len(os.Args) > 1 && os.Args[1] == "broadcast"
	h := &hub{make(chan *client), make(chan *client), make(chan []byte)}
	go h.run()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		if isBroadcast {
			h.serve(conn)
		} else {
			echo(conn)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, nil)
}
