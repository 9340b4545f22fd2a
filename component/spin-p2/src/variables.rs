//! Settings from the variables of Spin before WASI 0.3.

use postern_component::SettingStore;

mod bindings {
    #![allow(missing_docs, unsafe_code, reason = "the interface is generated")]

    wit_bindgen::generate!({
        inline: "
            package postern:settings;

            world settings {
                import fermyon:spin/variables@2.0.0;
            }

            package fermyon:spin@2.0.0 {
                // As in spin-sdk 5: names, cases and order are the contract.
                interface variables {
                    get: func(name: string) -> result<string, error>;

                    variant error {
                        invalid-name(string),
                        undefined(string),
                        provider(string),
                        other(string),
                    }
                }
            }
        ",
        generate_all,
    });
}

use bindings::fermyon::spin::variables;

/// The variables of the application's manifest.
pub struct Variables;

impl SettingStore for Variables {
    async fn get(&self, name: &str) -> Option<String> {
        variables::get(name).ok()
    }
}
