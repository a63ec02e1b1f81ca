package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads server-sent events as the HTML standard has it. */
final class EventStream implements AutoCloseable {
    private final HttpSocket socket;
    private final Deque<Event> events = new ArrayDeque<>();
    private String rest = "";
    private String lastId = "";
    private boolean ended;

    /** One event; a heartbeat has no type and no data. */
    record Event(String type, String id, String data) {
        boolean isHeartbeat() {
            return type.isEmpty() && data.isEmpty();
        }
    }

    private EventStream(HttpSocket socket) {
        this.socket = socket;
    }

    /** Sends a request that is answered with events. */
    static EventStream open(HttpSocket socket, byte[] request) throws IOException {
        socket.send(request);
        Map<String, List<String>> headers = new HashMap<>();
        assertThat(socket.readHead(headers)).isEqualTo(200);
        assertThat(headers).containsEntry("content-type", List.of("text/event-stream"));
        assertThat(headers).containsEntry("cache-control", List.of("no-cache"));
        assertThat(headers).containsEntry("transfer-encoding", List.of("chunked"));
        return new EventStream(socket);
    }

    HttpSocket socket() {
        return socket;
    }

    /** Returns what a client gives back in {@code Last-Event-ID}. */
    String lastId() {
        return lastId;
    }

    /** Returns the next event or heartbeat; fails at the end of the stream. */
    Event next() throws IOException {
        while (events.isEmpty()) {
            assertThat(ended).as("end of the events").isFalse();
            readMore();
        }
        Event event = events.remove();
        if (!event.id.isEmpty()) {
            lastId = event.id;
        }
        return event;
    }

    /** Returns so many events that are no heartbeats. */
    List<Event> next(int count) throws IOException {
        List<Event> taken = new ArrayList<>();
        while (taken.size() < count) {
            Event event = next();
            if (!event.isHeartbeat()) {
                taken.add(event);
            }
        }
        return taken;
    }

    /** Reads up to the proper end of the answer; returns the events before it. */
    List<Event> untilEnd() throws IOException {
        while (!ended) {
            readMore();
        }
        List<Event> taken = new ArrayList<>(events);
        events.clear();
        return taken;
    }

    private void readMore() throws IOException {
        byte[] chunk = socket.readChunk();
        if (chunk.length == 0) {
            ended = true;
            return;
        }
        rest += new String(chunk, StandardCharsets.UTF_8);
        for (int end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
            events.add(parse(rest.substring(0, end)));
            rest = rest.substring(end + 2);
        }
    }

    private static Event parse(String block) {
        String type = "";
        String id = "";
        String data = "";
        for (String line : block.split("\n", -1)) {
            int colon = line.indexOf(": ");
            String value = line.substring(colon + 2);
            switch (line.substring(0, colon)) {
                case "event" -> type = value;
                case "id" -> id = value;
                case "data" -> data = value;
                default -> throw new AssertionError("line of an event: " + line);
            }
        }
        return new Event(type, id, data);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
