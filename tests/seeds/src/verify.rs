//! Callers: requests that others signed, that the target signs, and tokens of Entra.

use bytes::Bytes;

use crate::input::text;
use crate::senders::{self, ENTRA, ENTRA_PATH, SENDERS, VECTORS};
use crate::{Inputs, JSON, URLENCODED, post};

pub(crate) fn seeds() -> Inputs {
    let mut inputs = Inputs::new();
    for vector in VECTORS.iter() {
        let now = vector["now"].to_string();
        inputs.push(text(&senders::request(vector), &[("now", &now)]));
    }
    for sender in SENDERS.values() {
        for index in 0..sender.keys.len() {
            for (content_type, body) in [(JSON, "{\"a\": 1}"), (URLENCODED, "b=2&a=z&a=y&%C3%9C=%C3%9F")] {
                let request = post(&sender.path, content_type).body(Bytes::from(body)).unwrap();
                inputs.push(text(&request, &[("sign", &index.to_string())]));
            }
        }
    }
    for token in ENTRA["tokens"].as_array().unwrap() {
        let token = format!("Bearer {}", token["token"].as_str().unwrap());
        let request = post(ENTRA_PATH, JSON).header("authorization", token);
        inputs.push(text(&request.body(Bytes::from("{}")).unwrap(), &[("now", &ENTRA["now"].to_string())]));
    }
    inputs
}
