package io.nearkv.deploy.document;

import io.nearkv.deploy.model.Bytes;

/**
 * A signature as it stands in a document; not verified. Immutable.
 *
 * @param keyId the key that it claims to be by
 * @param value 64 bytes
 */
public record DocumentSignature(String keyId, Bytes value) {}
