"""What the `openssl` command says of keys, signatures and ciphertexts: a second opinion."""

import pathlib
import subprocess
import tempfile


def run(*words, **files):
    """What a command prints. Each of `files` is written out, and its name in braces stands for its path."""
    with tempfile.TemporaryDirectory() as directory:
        paths = {}
        for name, content in files.items():
            paths[name] = pathlib.Path(directory) / name
            paths[name].write_bytes(content)
        command = ["openssl", *(word.format(**paths) for word in words)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            raise Refused(done.stderr.decode())
        return done.stdout


class Refused(Exception):
    """The command did not succeed."""


def pss(bits):
    """The options of RSASSA-PSS as KMS has it."""
    return ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-sigopt", f"rsa_mgf1_md:sha{bits}"]


def verifies(public, algorithm, message, signature):
    """Whether a signature is good, by the name that KMS has for the algorithm."""
    files = {"public": public, "message": message, "signature": signature}
    if algorithm.startswith("ED25519"):
        words = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "{public}", "-rawin", "-in", "{message}",
                 "-sigfile", "{signature}"]
    else:
        bits = algorithm.rsplit("_", 1)[1]
        words = ["dgst", f"-sha{bits}", "-keyform", "DER", "-verify", "{public}", "-signature", "{signature}",
                 *(pss(bits) if "PSS" in algorithm else []), "{message}"]
    try:
        run(*words, **files)
        return True
    except Refused:
        return False


def oaep(public, bits, plain):
    """RSA-OAEP with SHA-1 or SHA-256, for the label and the mask."""
    return run("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "{public}", "-in", "{plain}",
               "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:sha{bits}",
               "-pkeyopt", f"rsa_mgf1_md:sha{bits}", public=public, plain=plain)


def key_wrap(kek, plain):
    """AES key wrap with padding."""
    return run("enc", "-id-aes256-wrap-pad", "-K", kek.hex(), "-iv", "A65959A6", "-in", "{plain}", plain=plain)


def new_key(*options):
    """A private key as PKCS#8 and its public half as SubjectPublicKeyInfo, both DER."""
    private = run("genpkey", "-outform", "DER", *options)
    private = run("pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER", "-in", "{private}", private=private)
    return private, public_half(private)


def public_half(private):
    """The public half of a private key."""
    return run("pkey", "-inform", "DER", "-outform", "DER", "-pubout", "-in", "{private}", private=private)


def agreed(private, public):
    """The raw secret of ECDH."""
    return run("pkeyutl", "-derive", "-keyform", "DER", "-inkey", "{private}", "-peerform", "DER", "-peerkey",
               "{public}", private=private, public=public)
