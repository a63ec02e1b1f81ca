package io.nearkv.server.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A JSON object that a control plane has answered. What is asked for and not there is a {@link KvException}: the two are of different versions. Immutable. */
public final class ControlAnswer {
    private final JsonNode node;

    private ControlAnswer(JsonNode node) {
        this.node = node;
    }

    /** Reads an answer; {@link ErrorCode#INTERNAL} if it is none. */
    static ControlAnswer parse(String text) {
        try {
            return new ControlAnswer(ControlJson.read(text, "the answer"));
        } catch (KvException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "what answered is no control plane: " + e.getMessage() + "; check the URL", e);
        }
    }

    private JsonNode member(String name) {
        JsonNode member = node.get(name);
        if (member == null) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "the control plane's answer has no '" + name + "'; it is of another version than this command");
        }
        return member;
    }

    /** Returns whether there is such a member, and not null. */
    public boolean has(String name) {
        return node.hasNonNull(name);
    }

    /** Returns a text. */
    public String text(String name) {
        return member(name).asString("");
    }

    /** Returns a whole number. */
    public long number(String name) {
        return member(name).asLong(0);
    }

    /** Returns a truth value. */
    public boolean bool(String name) {
        return member(name).asBoolean(false);
    }

    /** Returns bytes that are written in base64. */
    public Value bytes(String name) {
        return ControlJson.ofBase64(text(name), name);
    }

    /** Returns an object, or null. */
    public @Nullable ControlAnswer object(String name) {
        JsonNode member = member(name);
        return member.isNull() ? null : new ControlAnswer(member);
    }

    /** Returns an object that must be there. */
    public ControlAnswer part(String name) {
        return requireNonNull(object(name), name);
    }

    /** Returns a list of objects. */
    public List<ControlAnswer> list(String name) {
        return member(name).valueStream().map(ControlAnswer::new).toList();
    }

    /** Returns a list of texts. */
    public List<String> texts(String name) {
        return ControlJson.texts(member(name));
    }

    /** Returns the whole answer as one line of JSON. */
    @Override
    public String toString() {
        return node.toString();
    }
}
