//! Settings from Spin variables.

use postern_component::SettingStore;

mod bindings {
    #![allow(missing_docs, unsafe_code, reason = "the interface is generated")]

    wit_bindgen::generate!({
        inline: "
            package postern:settings;

            world settings {
                import spin:variables/variables@3.0.0;
            }

            package spin:variables@3.0.0 {
                // As in spin-sdk 7: names, cases and order are the contract.
                interface variables {
                    get: async func(name: string) -> result<string, error>;

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

use bindings::spin::variables::variables;

/// The variables of the application's manifest.
pub struct Variables;

impl SettingStore for Variables {
    async fn get(&self, name: &str) -> Option<String> {
        variables::get(name.to_owned()).await.ok()
    }
}
