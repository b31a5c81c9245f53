//! The verification of signatures, compared with a second one that was written from the documents alone.

use rulebound::ffi::read_time;
use rulebound::{Fact, Headers, NotAuthentic, Origin, PROVIDERS, Secret, read_webhook};
use sha2::{Digest, Sha256};

use crate::chance::Chance;

const SECRETS: [&str; 4] =
    ["whsec_c2VjcmV0LW9mLTI0LWJ5dGVzLSE=", "whsec_YW5vdGhlci1zZWNyZXQ=", "plain secret", "c2hhcmVk"];
/// The families of Flex's headers: id, time, signatures.
const FAMILIES: [[&str; 3]; 3] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
    ["flex-event-id", "flex-timestamp", "flex-signature"],
];
/// The time of the call, in seconds.
const NOW: u64 = 1_796_083_200;

/// What happens to a webhook after it was signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    AsSigned,
    AnotherBody,
    AnotherSecret,
    AnotherTime,
    Anything,
}

/// The first bytes choose the provider, the secrets, the form, the age and the change. The rest is the body.
pub(super) fn run(data: &[u8]) {
    let mut chance = Chance::new(data);
    let provider = PROVIDERS[chance.below(PROVIDERS.len())].name;
    let (used, form) = (SECRETS[chance.below(2)], chance.byte());
    let signed_at = NOW - u64::from(chance.byte()) * 4 + 300;
    let sent = [Sent::AsSigned, Sent::AnotherBody, Sent::AnotherSecret, Sent::AnotherTime, Sent::Anything];
    let sent = sent[chance.below(sent.len())];
    let body = chance.clone().rest();
    let signed_with = if sent == Sent::AnotherSecret { SECRETS[3] } else { used };
    let headers = match (provider, sent) {
        (_, Sent::Anything) => anything(chance),
        ("truemed", _) => truemed(signed_with, signed_at, body, form),
        ("flex", _) => flex(signed_with, signed_at, body, form),
        // These sign nothing, so the headers of another provider must prove nothing.
        ("vend" | "revup", _) => flex(signed_with, signed_at, body, form),
        (other, _) => panic!(
            "no code here signs as {other} does: write it from the documents, or name {other} among those that sign nothing"
        ),
    };
    let mut headers = headers;
    let mut body = body.to_vec();
    match sent {
        Sent::AnotherBody => body.push(b' '),
        Sent::AnotherTime => headers
            .iter_mut()
            .for_each(|(_, it)| *it = it.replace(&signed_at.to_string(), &(signed_at + 1).to_string())),
        _ => {}
    }
    let secrets = [Secret::new(SECRETS[1]), Secret::new(SECRETS[0])];
    let given: Headers<'_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let now = read_time(&format!("{NOW}000")).unwrap_or_default();
    let result: Result<_, NotAuthentic> =
        read_webhook(provider, &secrets, &given, &body, now).map(|it| match it.fact {
            Fact::Webhook { origin, .. } => origin,
            fact => panic!("{fact:?}"),
        });
    let is_fresh = provider == "truemed" || signed_at.abs_diff(NOW) <= 300;
    let message = || format!("{provider}: {result:?} for {headers:?}, signed at {signed_at}, fresh: {is_fresh}");
    match (provider, sent) {
        // Vend and Revup sign nothing.
        ("vend" | "revup", _) => assert!(result != Ok(Origin::Verified), "{}", message()),
        (_, Sent::AsSigned) => assert_eq!(result == Ok(Origin::Verified), is_fresh, "{}", message()),
        // Truemed's shared secret does not sign the body.
        ("truemed", Sent::AnotherBody | Sent::AnotherTime) if form % 3 == 2 => {}
        (_, Sent::AnotherBody | Sent::AnotherSecret | Sent::AnotherTime) => {
            assert!(result != Ok(Origin::Verified), "{}", message());
        }
        (_, Sent::Anything) => assert!(result != Ok(Origin::Verified), "{}", message()),
    }
}

/// Headers of random bytes, which no secret has signed.
fn anything(mut chance: Chance<'_>) -> Vec<(String, String)> {
    let names = [
        "x-truemed-signature",
        "X-Truemed-Api-Key",
        "svix-id",
        "svix-timestamp",
        "svix-signature",
        "Webhook-Signature",
    ];
    let count = chance.below(6);
    let value =
        |chance: &mut Chance<'_>| -> String { (0..chance.below(40)).map(|_| char::from(chance.byte())).collect() };
    (0..count).map(|_| (names[chance.below(names.len())].to_owned(), value(&mut chance))).collect()
}

fn truemed(secret: &str, time: u64, body: &[u8], form: u8) -> Vec<(String, String)> {
    let mac = hmac(secret.as_bytes(), &[time.to_string().as_bytes(), b".", body].concat());
    let signature = match form % 3 {
        0 => hex(&mac),
        1 => base64(&mac),
        _ => return vec![("x-truemed-api-key".into(), secret.into())],
    };
    let others = ["", ",v0=00", ",v1=AAAA"][usize::from(form / 3) % 3];
    vec![("X-Truemed-Signature".into(), format!("t={time}{others},v1={signature}"))]
}

fn flex(secret: &str, signed_at: u64, body: &[u8], form: u8) -> Vec<(String, String)> {
    let [id, time, signature] = FAMILIES[usize::from(form) % 3];
    let key = unbase64(secret.split_once('_').map_or(secret, |(_, key)| key));
    let mac = base64(&hmac(&key, &[b"msg_1.", signed_at.to_string().as_bytes(), b".", body].concat()));
    let listed = if form % 3 == 2 {
        mac
    } else {
        format!("{}v1,{mac}", ["", "v1,AAAA ", "v2,AAAA "][usize::from(form / 3) % 3])
    };
    vec![(id.into(), "msg_1".into()), (time.into(), signed_at.to_string()), (signature.into(), listed)]
}

/// HMAC-SHA256 by RFC 2104.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    let short = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.iter_mut().zip(short).for_each(|(to, from)| *to = from);
    let keyed = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::digest([&keyed(0x36)[..], message].concat());
    Sha256::digest([&keyed(0x5c)[..], &inner].concat()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let of = |chunk: &[u8]| {
        let bits =
            (0..3).fold(0_u32, |bits, index| bits << 8 | u32::from(chunk.get(index).copied().unwrap_or_default()));
        let letter = |index: usize| {
            if index > chunk.len() { '=' } else { char::from(LETTERS[(bits >> (18 - 6 * index) & 63) as usize]) }
        };
        [letter(0), letter(1), letter(2), letter(3)]
    };
    bytes.chunks(3).flat_map(of).collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    let values = text.bytes().filter_map(|it| LETTERS.iter().position(|letter| *letter == it));
    let (mut bits, mut count, mut bytes) = (0_usize, 0, Vec::new());
    for value in values {
        bits = bits << 6 | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 255) as u8);
        }
    }
    bytes
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for provider in 0..u8::try_from(PROVIDERS.len()).unwrap_or(u8::MAX) {
        for form in 0..9 {
            for sent in 0..5 {
                seeds.push([&[provider, form % 2, form, 75, sent], &br#"{"event_type":"x","object":{}}"#[..]].concat());
            }
        }
    }
    seeds
}

#[test]
fn the_second_verification_passes_published_test_cases() {
    // RFC 4231, test case 2, and RFC 4648, section 10.
    let mac = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(base64(b"fooba"), "Zm9vYmE=");
    assert_eq!(unbase64("Zm9vYmE="), b"fooba");
}
