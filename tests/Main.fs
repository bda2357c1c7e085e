module Reproduction.Tests.Main

[<EntryPoint>]
let main args = 0
