/// Messages of the library speak of the library; the command puts its options in their place.
module Reproduction.Tests.HouseMessages

open System
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open Expecto
open Repro
open Reproduction

let private library = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "Core.CSharp", "Reproduction"))

/// What messages call a value, with the field's own name.
let private names = [
    for field in typeof<ApiName>.GetFields(BindingFlags.Public ||| BindingFlags.Static) -> field.Name, string (field.GetRawConstantValue())
]

/// Whether there is a member "Type.Property", or a parameter "Type.Method(parameter)" or "Type(parameter)".
let private isThere (name: string) =
    let parts = Regex.Match(name, @"^(\w+)(?:\.(\w+))?(?:\((\w+)\))?$").Groups

    match typeof<ApiName>.Assembly.GetTypes() |> Array.filter (fun each -> each.IsPublic && each.Name = parts[1].Value) with
    | [| owner |] ->
        let has (methods: MethodBase seq) =
            methods
            |> Seq.exists (fun each -> each.GetParameters() |> Array.exists (fun parameter -> parameter.Name = parts[3].Value))

        match parts[2].Value, parts[3].Value with
        | property, "" -> not (isNull (owner.GetProperty property))
        | "", _ -> owner.GetConstructors() |> Seq.cast<MethodBase> |> has
        | method, _ -> owner.GetMethods() |> Array.filter (fun each -> each.Name = method) |> Seq.cast<MethodBase> |> has
    | _ -> false

[<Tests>]
let tests =
    testList "house, messages" [
        testCase "what messages of the library name is a member of it, or a parameter"
        <| fun () -> Expect.isEmpty (names |> List.filter (fun (_, name) -> not (isThere name))) "names without a member"

        testCase "the command has an option for each of them, and for nothing else"
        <| fun () -> Expect.sequenceEqual (Seq.sort OptionNames.ByApiName.Keys) (names |> List.map snd |> List.sort) "names"

        testCase "no message of the library names an option, but in a whole line of the command"
        <| fun () ->
            Expect.isEmpty
                [
                    for file in Directory.GetFiles(library, "*.cs", SearchOption.AllDirectories) do
                        if not (file.Contains $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}") then
                            for line in File.ReadAllLines file do
                                let code = Regex.Replace(line, @"^\s*//.*", "")

                                for text in Regex.Matches(code, "\"(?:[^\"\\\\]|\\\\.)*\"") do
                                    if Regex.IsMatch(Regex.Replace(text.Value, @"\brepro \w+.*", ""), @"--[a-z]") then
                                        $"{Path.GetFileName file}: {text.Value}"
                ]
                "messages"

        testCase "the command tells a message of the library in its own words"
        <| fun () ->
            Expect.equal
                (OptionNames.In $"{ApiName.FitDefective} needs {ApiName.FitGood}: a threshold lies between the two")
                "--defective needs --good: a threshold lies between the two"
                "options"
    ]
