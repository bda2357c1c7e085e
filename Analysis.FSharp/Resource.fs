/// Texts that are embedded in the assembly.
module Reproduction.Analysis.Resource

open System.IO
open System.Reflection

/// The whole text.
let read name =
    match Assembly.GetExecutingAssembly().GetManifestResourceStream name with
    | null -> invalidOp $"the resource {name} is missing from the assembly"
    | stream ->
        use reader = new StreamReader(stream)
        reader.ReadToEnd()
