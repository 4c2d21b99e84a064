// Generated from schemas/extension.json by `npm run generate`. Do not edit: change the source and generate again.
export const validate = validate26;
const schema64 = {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://mplp.dev/schemas/v1.0/extension.json","title":"MPLP Extension Protocol - 扩展机制框架","type":"object","properties":{"id":{"$ref":"base-types.json#/definitions/uuid"},"name":{"type":"string"},"version":{"$ref":"base-types.json#/definitions/version"},"type":{"type":"string","enum":["plugin","adapter","hook","capability","policy","audit"]},"interface":{"type":"object","properties":{"input_schema":{"type":"object"},"output_schema":{"type":"object"},"methods":{"type":"array","items":{"type":"string"}},"events":{"type":"array","items":{"type":"string"}}}},"implementation":{"type":"object","properties":{"runtime":{"type":"string","enum":["nodejs","python","go","java"]},"entry_point":{"type":"string"},"configuration":{"type":"object"},"resources":{"type":"object"}},"required":["runtime","entry_point"]},"dependencies":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"version":{"type":"string"},"type":{"type":"string","enum":["required","optional"]}},"required":["name","version","type"]}},"security":{"type":"object","properties":{"permissions":{"type":"array"},"sandbox_level":{"type":"string","enum":["none","basic","strict"]},"signature":{"type":"string"}}},"metadata":{"type":"object","properties":{"author":{"type":"string"},"description":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},"license":{"type":"string"},"documentation_url":{"type":"string"}}}},"required":["id","name","version","type","interface","implementation"]};
const schema33 = {"type":"string","pattern":"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"};
const schema34 = {"type":"string","pattern":"^\\d+\\.\\d+(\\.\\d+)?$"};
const pattern4 = new RegExp("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "u");
const pattern5 = new RegExp("^\\d+\\.\\d+(\\.\\d+)?$", "u");

function validate26(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
/*# sourceURL="https://mplp.dev/schemas/v1.0/extension.json" */;
let vErrors = null;
let errors = 0;
const evaluated0 = validate26.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.id === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "id"},message:"must have required property '"+"id"+"'"};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
if(data.name === undefined){
const err1 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "name"},message:"must have required property '"+"name"+"'"};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
if(data.version === undefined){
const err2 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "version"},message:"must have required property '"+"version"+"'"};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(data.type === undefined){
const err3 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "type"},message:"must have required property '"+"type"+"'"};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if(data.interface === undefined){
const err4 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "interface"},message:"must have required property '"+"interface"+"'"};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
if(data.implementation === undefined){
const err5 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "implementation"},message:"must have required property '"+"implementation"+"'"};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
if(data.id !== undefined){
let data0 = data.id;
if(typeof data0 === "string"){
if(!pattern4.test(data0)){
const err6 = {instancePath:instancePath+"/id",schemaPath:"base-types.json#/definitions/uuid/pattern",keyword:"pattern",params:{pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},message:"must match pattern \""+"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"+"\""};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
else {
const err7 = {instancePath:instancePath+"/id",schemaPath:"base-types.json#/definitions/uuid/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
if(data.name !== undefined){
if(typeof data.name !== "string"){
const err8 = {instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
if(data.version !== undefined){
let data2 = data.version;
if(typeof data2 === "string"){
if(!pattern5.test(data2)){
const err9 = {instancePath:instancePath+"/version",schemaPath:"base-types.json#/definitions/version/pattern",keyword:"pattern",params:{pattern: "^\\d+\\.\\d+(\\.\\d+)?$"},message:"must match pattern \""+"^\\d+\\.\\d+(\\.\\d+)?$"+"\""};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
else {
const err10 = {instancePath:instancePath+"/version",schemaPath:"base-types.json#/definitions/version/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
if(data.type !== undefined){
let data3 = data.type;
if(typeof data3 !== "string"){
const err11 = {instancePath:instancePath+"/type",schemaPath:"#/properties/type/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
if(!((((((data3 === "plugin") || (data3 === "adapter")) || (data3 === "hook")) || (data3 === "capability")) || (data3 === "policy")) || (data3 === "audit"))){
const err12 = {instancePath:instancePath+"/type",schemaPath:"#/properties/type/enum",keyword:"enum",params:{allowedValues: schema64.properties.type.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
if(data.interface !== undefined){
let data4 = data.interface;
if(data4 && typeof data4 == "object" && !Array.isArray(data4)){
if(data4.input_schema !== undefined){
let data5 = data4.input_schema;
if(!(data5 && typeof data5 == "object" && !Array.isArray(data5))){
const err13 = {instancePath:instancePath+"/interface/input_schema",schemaPath:"#/properties/interface/properties/input_schema/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
if(data4.output_schema !== undefined){
let data6 = data4.output_schema;
if(!(data6 && typeof data6 == "object" && !Array.isArray(data6))){
const err14 = {instancePath:instancePath+"/interface/output_schema",schemaPath:"#/properties/interface/properties/output_schema/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
if(data4.methods !== undefined){
let data7 = data4.methods;
if(Array.isArray(data7)){
const len0 = data7.length;
for(let i0=0; i0<len0 && errors < 100; i0++){
if(typeof data7[i0] !== "string"){
const err15 = {instancePath:instancePath+"/interface/methods/" + i0,schemaPath:"#/properties/interface/properties/methods/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
}
else {
const err16 = {instancePath:instancePath+"/interface/methods",schemaPath:"#/properties/interface/properties/methods/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
if(data4.events !== undefined){
let data9 = data4.events;
if(Array.isArray(data9)){
const len1 = data9.length;
for(let i1=0; i1<len1 && errors < 100; i1++){
if(typeof data9[i1] !== "string"){
const err17 = {instancePath:instancePath+"/interface/events/" + i1,schemaPath:"#/properties/interface/properties/events/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
}
else {
const err18 = {instancePath:instancePath+"/interface/events",schemaPath:"#/properties/interface/properties/events/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
}
else {
const err19 = {instancePath:instancePath+"/interface",schemaPath:"#/properties/interface/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
if(data.implementation !== undefined){
let data11 = data.implementation;
if(data11 && typeof data11 == "object" && !Array.isArray(data11)){
if(data11.runtime === undefined){
const err20 = {instancePath:instancePath+"/implementation",schemaPath:"#/properties/implementation/required",keyword:"required",params:{missingProperty: "runtime"},message:"must have required property '"+"runtime"+"'"};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
if(data11.entry_point === undefined){
const err21 = {instancePath:instancePath+"/implementation",schemaPath:"#/properties/implementation/required",keyword:"required",params:{missingProperty: "entry_point"},message:"must have required property '"+"entry_point"+"'"};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
if(data11.runtime !== undefined){
let data12 = data11.runtime;
if(typeof data12 !== "string"){
const err22 = {instancePath:instancePath+"/implementation/runtime",schemaPath:"#/properties/implementation/properties/runtime/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
if(!((((data12 === "nodejs") || (data12 === "python")) || (data12 === "go")) || (data12 === "java"))){
const err23 = {instancePath:instancePath+"/implementation/runtime",schemaPath:"#/properties/implementation/properties/runtime/enum",keyword:"enum",params:{allowedValues: schema64.properties.implementation.properties.runtime.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
}
if(data11.entry_point !== undefined){
if(typeof data11.entry_point !== "string"){
const err24 = {instancePath:instancePath+"/implementation/entry_point",schemaPath:"#/properties/implementation/properties/entry_point/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
}
if(data11.configuration !== undefined){
let data14 = data11.configuration;
if(!(data14 && typeof data14 == "object" && !Array.isArray(data14))){
const err25 = {instancePath:instancePath+"/implementation/configuration",schemaPath:"#/properties/implementation/properties/configuration/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
}
if(data11.resources !== undefined){
let data15 = data11.resources;
if(!(data15 && typeof data15 == "object" && !Array.isArray(data15))){
const err26 = {instancePath:instancePath+"/implementation/resources",schemaPath:"#/properties/implementation/properties/resources/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
}
}
else {
const err27 = {instancePath:instancePath+"/implementation",schemaPath:"#/properties/implementation/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
if(data.dependencies !== undefined){
let data16 = data.dependencies;
if(Array.isArray(data16)){
const len2 = data16.length;
for(let i2=0; i2<len2 && errors < 100; i2++){
let data17 = data16[i2];
if(data17 && typeof data17 == "object" && !Array.isArray(data17)){
if(data17.name === undefined){
const err28 = {instancePath:instancePath+"/dependencies/" + i2,schemaPath:"#/properties/dependencies/items/required",keyword:"required",params:{missingProperty: "name"},message:"must have required property '"+"name"+"'"};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
if(data17.version === undefined){
const err29 = {instancePath:instancePath+"/dependencies/" + i2,schemaPath:"#/properties/dependencies/items/required",keyword:"required",params:{missingProperty: "version"},message:"must have required property '"+"version"+"'"};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
if(data17.type === undefined){
const err30 = {instancePath:instancePath+"/dependencies/" + i2,schemaPath:"#/properties/dependencies/items/required",keyword:"required",params:{missingProperty: "type"},message:"must have required property '"+"type"+"'"};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
if(data17.name !== undefined){
if(typeof data17.name !== "string"){
const err31 = {instancePath:instancePath+"/dependencies/" + i2+"/name",schemaPath:"#/properties/dependencies/items/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
}
if(data17.version !== undefined){
if(typeof data17.version !== "string"){
const err32 = {instancePath:instancePath+"/dependencies/" + i2+"/version",schemaPath:"#/properties/dependencies/items/properties/version/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
}
if(data17.type !== undefined){
let data20 = data17.type;
if(typeof data20 !== "string"){
const err33 = {instancePath:instancePath+"/dependencies/" + i2+"/type",schemaPath:"#/properties/dependencies/items/properties/type/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
if(!((data20 === "required") || (data20 === "optional"))){
const err34 = {instancePath:instancePath+"/dependencies/" + i2+"/type",schemaPath:"#/properties/dependencies/items/properties/type/enum",keyword:"enum",params:{allowedValues: schema64.properties.dependencies.items.properties.type.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
}
}
else {
const err35 = {instancePath:instancePath+"/dependencies/" + i2,schemaPath:"#/properties/dependencies/items/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
}
}
else {
const err36 = {instancePath:instancePath+"/dependencies",schemaPath:"#/properties/dependencies/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
if(data.security !== undefined){
let data21 = data.security;
if(data21 && typeof data21 == "object" && !Array.isArray(data21)){
if(data21.permissions !== undefined){
if(!(Array.isArray(data21.permissions))){
const err37 = {instancePath:instancePath+"/security/permissions",schemaPath:"#/properties/security/properties/permissions/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
}
if(data21.sandbox_level !== undefined){
let data23 = data21.sandbox_level;
if(typeof data23 !== "string"){
const err38 = {instancePath:instancePath+"/security/sandbox_level",schemaPath:"#/properties/security/properties/sandbox_level/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
if(!(((data23 === "none") || (data23 === "basic")) || (data23 === "strict"))){
const err39 = {instancePath:instancePath+"/security/sandbox_level",schemaPath:"#/properties/security/properties/sandbox_level/enum",keyword:"enum",params:{allowedValues: schema64.properties.security.properties.sandbox_level.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
}
if(data21.signature !== undefined){
if(typeof data21.signature !== "string"){
const err40 = {instancePath:instancePath+"/security/signature",schemaPath:"#/properties/security/properties/signature/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err40];
}
else {
vErrors.push(err40);
}
errors++;
}
}
}
else {
const err41 = {instancePath:instancePath+"/security",schemaPath:"#/properties/security/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err41];
}
else {
vErrors.push(err41);
}
errors++;
}
}
if(data.metadata !== undefined){
let data25 = data.metadata;
if(data25 && typeof data25 == "object" && !Array.isArray(data25)){
if(data25.author !== undefined){
if(typeof data25.author !== "string"){
const err42 = {instancePath:instancePath+"/metadata/author",schemaPath:"#/properties/metadata/properties/author/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err42];
}
else {
vErrors.push(err42);
}
errors++;
}
}
if(data25.description !== undefined){
if(typeof data25.description !== "string"){
const err43 = {instancePath:instancePath+"/metadata/description",schemaPath:"#/properties/metadata/properties/description/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err43];
}
else {
vErrors.push(err43);
}
errors++;
}
}
if(data25.tags !== undefined){
let data28 = data25.tags;
if(Array.isArray(data28)){
const len3 = data28.length;
for(let i3=0; i3<len3 && errors < 100; i3++){
if(typeof data28[i3] !== "string"){
const err44 = {instancePath:instancePath+"/metadata/tags/" + i3,schemaPath:"#/properties/metadata/properties/tags/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err44];
}
else {
vErrors.push(err44);
}
errors++;
}
}
}
else {
const err45 = {instancePath:instancePath+"/metadata/tags",schemaPath:"#/properties/metadata/properties/tags/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err45];
}
else {
vErrors.push(err45);
}
errors++;
}
}
if(data25.license !== undefined){
if(typeof data25.license !== "string"){
const err46 = {instancePath:instancePath+"/metadata/license",schemaPath:"#/properties/metadata/properties/license/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err46];
}
else {
vErrors.push(err46);
}
errors++;
}
}
if(data25.documentation_url !== undefined){
if(typeof data25.documentation_url !== "string"){
const err47 = {instancePath:instancePath+"/metadata/documentation_url",schemaPath:"#/properties/metadata/properties/documentation_url/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err47];
}
else {
vErrors.push(err47);
}
errors++;
}
}
}
else {
const err48 = {instancePath:instancePath+"/metadata",schemaPath:"#/properties/metadata/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err48];
}
else {
vErrors.push(err48);
}
errors++;
}
}
}
else {
const err49 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err49];
}
else {
vErrors.push(err49);
}
errors++;
}
validate26.errors = vErrors;
return errors === 0;
}
validate26.evaluated = {"props":{"id":true,"name":true,"version":true,"type":true,"interface":true,"implementation":true,"dependencies":true,"security":true,"metadata":true},"dynamicProps":false,"dynamicItems":false};
