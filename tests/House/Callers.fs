/// A metric that only its own tests call is no metric of this program.
module Reproduction.Tests.House.Callers

open System
open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.Metadata.Ecma335
open System.Reflection.PortableExecutable
open Expecto

/// Scripts call the library by its names.
let private scripts =
    lazy
        (Directory.GetFiles(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "scripts"), "*.fsx")
         |> Array.map File.ReadAllText
         |> String.concat "\n")

let private assemblies = [ for name in [ "Reproduction.dll"; "repro.dll" ] -> Path.Combine(AppContext.BaseDirectory, name) ]

/// call, callvirt, newobj, ldtoken, and the second bytes of ldftn and ldvirtftn.
let private takesMember = set [ 0x28uy; 0x6Fuy; 0x73uy; 0xD0uy; 0x06uy; 0x07uy ]

let private typeName (reader: MetadataReader) (handle: EntityHandle) =
    match handle.Kind with
    | HandleKind.TypeDefinition ->
        let definition = reader.GetTypeDefinition(TypeDefinitionHandle.op_Explicit handle)
        $"{reader.GetString definition.Namespace}.{reader.GetString definition.Name}"
    | HandleKind.TypeReference ->
        let reference = reader.GetTypeReference(TypeReferenceHandle.op_Explicit handle)
        $"{reader.GetString reference.Namespace}.{reader.GetString reference.Name}"
    | _ -> ""

let rec private memberName (reader: MetadataReader) (handle: EntityHandle) =
    match handle.Kind with
    | HandleKind.MethodDefinition ->
        let definition = reader.GetMethodDefinition(MethodDefinitionHandle.op_Explicit handle)
        let owner: EntityHandle = TypeDefinitionHandle.op_Implicit (definition.GetDeclaringType())
        $"{typeName reader owner}.{reader.GetString definition.Name}"
    | HandleKind.MemberReference ->
        let reference = reader.GetMemberReference(MemberReferenceHandle.op_Explicit handle)
        $"{typeName reader reference.Parent}.{reader.GetString reference.Name}"
    | HandleKind.MethodSpecification ->
        memberName reader (reader.GetMethodSpecification(MethodSpecificationHandle.op_Explicit handle)).Method
    | _ -> ""

/// The members that an assembly's code names, but for what each says of itself. Bytes that only look like an instruction may add one.
let private named (path: string) =
    use file = new PEReader(File.OpenRead path)
    let reader = file.GetMetadataReader()

    let rows =
        dict [
            0x06, reader.GetTableRowCount TableIndex.MethodDef
            0x0A, reader.GetTableRowCount TableIndex.MemberRef
            0x2B, reader.GetTableRowCount TableIndex.MethodSpec
        ]

    set [
        for handle in reader.MethodDefinitions do
            let address = (reader.GetMethodDefinition handle).RelativeVirtualAddress

            if address <> 0 then
                let own = memberName reader (MethodDefinitionHandle.op_Implicit handle)
                let code = nonNull (file.GetMethodBody(address).GetILBytes())

                for i in 0 .. code.Length - 5 do
                    if takesMember.Contains code[i] then
                        let token = BitConverter.ToInt32(code, i + 1)

                        match rows.TryGetValue(token >>> 24) with
                        | true, count when token &&& 0xFFFFFF > 0 && token &&& 0xFFFFFF <= count ->
                            let name = memberName reader (MetadataTokens.EntityHandle token)
                            if name <> own then name
                        | _ -> ()
    ]

[<Tests>]
let tests =
    testCase "house: every metric and statistic has a caller in the library, the command or a script"
    <| fun () ->
        let called = assemblies |> List.map named |> Set.unionMany
        Expect.isTrue (called.Contains "Reproduction.Metrics.Roc.Auroc") "the callers are read"

        Expect.isEmpty
            [
                for owner in typeof<Reproduction.Metrics.Roc>.Assembly.GetTypes() do
                    if owner.Namespace = "Reproduction.Metrics" && owner.IsAbstract && owner.IsSealed then
                        for each in owner.GetMethods(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly) do
                            let name = $"Reproduction.Metrics.{owner.Name}.{each.Name}"
                            if not (called.Contains name || scripts.Value.Contains $"{owner.Name}.{each.Name}") then name
            ]
            "methods without one"
